"""What capture could not read is erased too: whose it is, its rule tells."""

# ruff: noqa: S608 (an application writes its own SQL here)

import pytest

from outbox.erasure import Content, Erased, content_of
from outbox.install import recapture
from tests.conftest import Database
from tests.erasures import WORD, erased, leftovers
from tests.factories import connect
from tests.relays import in_thread, wait_for
from tests.sources import MAPPING, Source

EMAIL = {**MAPPING["capture"][3], "detail": "jsonb_build_object('n', CAST(new.address AS integer))"}
LOST = {**EMAIL, "contract": "CAST(new.kind AS bigint)", "when": "new.kind <> 'reminder'"}


@pytest.fixture
def source(database: Database) -> Source:
    """The application, captured, with two contracts and a rule that fails on each e-mail."""
    made = Source(database)
    made.install(capture=[*MAPPING["capture"][:3], EMAIL])
    made.run("INSERT INTO contract (id, title) VALUES (1, 'a'), (2, 'b')")
    return made


def test_what_capture_could_not_read_is_erased_by_its_rule(source: Source, database: Database) -> None:
    """Whose a recorded row is, the rule's own `contract` tells; it is recaptured no more, another contract's is."""
    source.run(f"INSERT INTO email VALUES (1, 'invitation', '{WORD}')")
    source.run("INSERT INTO email VALUES (2, 'invitation', 'Trillian')")

    done = erased(database, "1")

    assert (done.capture_errors, done.unclear_errors) == (1, 0)
    assert leftovers(database) == []
    assert len(leftovers(database, "Trillian")) == 1
    source.install(capture=MAPPING["capture"])
    assert recapture(database.engine).recaptured == 1
    assert [one.contract for one in source.events() if one.trigger == "send"] == ["2"]


def test_what_was_recaptured_stands_in_its_events_alone(source: Source, database: Database) -> None:
    """The row that they were made of is needed no more: once their range is dropped, nobody could tell whose it is."""
    source.run(f"INSERT INTO email VALUES (1, 'invitation', '{WORD}')")
    source.install(capture=MAPPING["capture"])
    assert recapture(database.engine).recaptured == 1

    assert source.rows("SELECT rule, sqlstate, message, event_ids <> '{}' FROM outbox.capture_error") == [
        ("send on email", "22P02", "its words are withheld, for they may quote a value under `never`", True)
    ]
    assert source.rows(
        "SELECT count(*) FROM outbox.capture_error WHERE num_nonnulls(old_row, new_row, differs, changed, detail) > 0"
    ) == [(0,)]
    erased(database, "1")
    assert leftovers(database) == []


def test_a_recaptured_change_that_made_no_event_keeps_nothing(source: Source, database: Database) -> None:
    """The mended rule does not apply to it: there is no event by which it could be erased."""
    source.run(f"INSERT INTO email VALUES (1, 'invitation', '{WORD}')")
    source.install(capture=[*MAPPING["capture"][:3], {**MAPPING["capture"][3], "when": "new.kind = 'x'"}])

    assert recapture(database.engine).recaptured == 1
    assert source.rows("SELECT event_ids FROM outbox.capture_error") == [([],)]
    assert leftovers(database) == []


def test_what_is_being_recaptured_is_waited_for(source: Source, database: Database) -> None:
    """Its event is erased with the others, though it was a capture error when the erasure began."""
    source.run(f"INSERT INTO email VALUES (1, 'invitation', '{WORD}')")
    source.install(capture=MAPPING["capture"])
    done: list[Erased] = []
    with database.connect() as recapturing, connect(database) as other:
        recapturing.execute("SELECT outbox.recapture(0, 10)")
        with in_thread(lambda: done.append(erased(database, "1"))):
            wait_for(lambda: other.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount == 1)
            recapturing.commit()

    assert [(one.capture_errors, one.events) for one in done] == [(0, 2)]
    assert leftovers(database) == []


def test_capture_errors_that_nobody_can_tell_are_counted_and_stand(source: Source, database: Database) -> None:
    """A rule whose `contract` itself fails says of no row whose it is: the answer says how many there are."""
    source.install(capture=[*MAPPING["capture"][:3], LOST])
    source.run("INSERT INTO email VALUES (1, 'no number', 'Trillian')")

    with database.engine.connect() as connection:
        found = content_of(connection, "9")
    assert (found.capture_errors, found.unclear_errors, found.nothing) == (0, 1, False)
    assert erased(database, "1").unclear_errors == 1
    assert len(leftovers(database, "Trillian")) == 1


def test_a_contract_that_stands_in_a_capture_error_alone_is_found(source: Source, database: Database) -> None:
    """By its rule, as erasing finds it: its id is not on record anywhere else."""
    source.run(f"INSERT INTO email VALUES (9, 'invitation', '{WORD}')")

    with database.engine.connect() as connection:
        found = content_of(connection, "9")
    assert found == Content(0, 0, 0, notes=0, waiting=0, capture_errors=1, unclear_errors=0)
    assert erased(database, "9").capture_errors == 1
    assert leftovers(database) == []
