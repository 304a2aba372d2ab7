"""What goes wrong in capture never breaks or hangs the application, and is not lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from outbox.install import recapture
from tests.conftest import Database
from tests.sources import MAPPING, Captured, Source

EMAIL = {**MAPPING["capture"][3], "detail": "jsonb_build_object('n', CAST(new.address AS integer))"}


@pytest.fixture
def source(database: Database) -> Source:
    """The application, captured, with one contract."""
    made = Source(database)
    made.install()
    made.run("INSERT INTO contract (id, title) VALUES (1, 'a')")
    made.clear()
    return made


@contextmanager
def locked(source: Source, *tables: str) -> Iterator[None]:
    """Holds the strongest lock on the tables."""
    with source.database.connect() as other:
        other.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        other.rollback()


@pytest.mark.parametrize(
    "tables",
    [
        ("recipient",),
        ("outbox.inbox",),
        ("outbox.event",),
        ("outbox.inbox", "outbox.rule"),
        ("outbox.event", "outbox.rule"),
    ],
)
def test_a_lock_makes_no_commit_wait(source: Source, tables: tuple[str, ...]) -> None:
    """Whoever locks a joined table, or ours: the commit comes through within a second, and the change is recorded."""
    with locked(source, *tables):
        started = time.monotonic()
        source.run("UPDATE contract SET title = 'b'")
        assert time.monotonic() - started < 1.5
    assert [(rule, state) for rule, _, state, _ in source.errors()] in (
        [("contract", "55P03")],
        [("update on contract", "55P03")],
    )
    assert source.rows("SELECT count(*) FROM outbox.inbox") == [(0,)]
    done = recapture(source.database.engine)
    assert (done.recaptured, done.failed) == (1, 0)
    assert source.events() == [Captured("update", "1", {"title": ["a", "b"]})]


@pytest.mark.parametrize("table", ["recipient", "outbox.inbox", "outbox.event"])
def test_a_lock_is_waited_for_once_a_transaction(source: Source, table: str) -> None:
    """A bulk change under a lock waits once, not once a row."""
    source.run("INSERT INTO contract (id) SELECT generate_series(2, 300)")
    source.clear()
    with locked(source, table):
        started = time.monotonic()
        source.run("UPDATE contract SET title = 'b'")
        assert time.monotonic() - started < 5
    assert len(source.errors()) == 300
    assert recapture(source.database.engine).recaptured == 300


def test_not_even_the_record_of_failures_is_needed(source: Source) -> None:
    """With notes and failures locked both, the application still commits, and is warned."""
    warnings: list[str] = []
    with locked(source, "outbox.inbox", "outbox.capture_error"), source.database.connect() as connection:
        connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
        connection.execute("UPDATE contract SET title = 'b'")
    assert source.rows("SELECT title FROM contract") == [("b",)]
    assert "neither captured" in warnings[0]


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE outbox.event_0, outbox.event_default",
        "DROP TABLE outbox.rule CASCADE; DROP FUNCTION outbox.find_contracts",
        "ALTER TABLE outbox.event DROP COLUMN document CASCADE",
        "ALTER TABLE outbox.inbox DROP COLUMN changed CASCADE",
        (
            "ALTER SEQUENCE outbox.event_id RESTART WITH 1; INSERT INTO outbox.event (id, occurred_at, xid, snapshot,"
            " trigger, contract_id) SELECT 1, now(), '1', '1:1:', 'send', 'x'"
        ),
    ],
)
def test_damage_to_our_own_schema_breaks_no_commit(source: Source, damage: str) -> None:
    """Dropped partitions, tables, functions, columns, a sequence set back: the application does not notice."""
    source.run(damage.split("; ", maxsplit=1)[0])
    for statement in damage.split("; ")[1:]:
        source.run(statement)
    source.run("UPDATE contract SET title = 'b'")
    assert source.rows("SELECT title FROM contract") == [("b",)]
    assert len(source.errors()) == 1


def test_abort_stops_the_application_with_words(source: Source) -> None:
    """on_capture_error = "abort": what can't be captured can't be committed."""
    source.install(on_capture_error="abort", capture=[*MAPPING["capture"][:3], EMAIL])
    with pytest.raises(psycopg.DataError, match="outbox: send on email was not captured"):
        source.run("INSERT INTO email VALUES (1, 'invitation', 'x')")
    source.run("ALTER TABLE contract RENAME title TO name")
    with pytest.raises(psycopg.ProgrammingError, match="outbox: contract was not captured"):
        source.run("UPDATE contract SET name = 'b'")
    assert (source.events(), source.errors()) == ([], [])


def test_a_failing_rule_is_recorded_and_recaptured_once_mended(source: Source) -> None:
    """A failing expression costs no event: mended and recaptured, it happened when it happened, once."""
    source.install(capture=[*MAPPING["capture"][:3], EMAIL])
    source.run("INSERT INTO email VALUES (1, 'invitation', 'x'), (1, 'reminder', 'y'), (1, 'invitation', '5')")
    assert source.events() == [Captured("send", "1", None, {"n": 5})]
    assert source.errors()[0][:3] == ("send on email", "INSERT", "22P02")
    assert recapture(source.database.engine).failed == 1
    source.install()
    done = recapture(source.database.engine)
    assert (done.recaptured, done.failed) == (1, 0)
    assert source.events()[1] == Captured("send", "1", None, {"to": "x"})
    assert source.rows(
        "SELECT e.occurred_at = c.occurred_at, c.recaptured_at IS NOT NULL FROM outbox.event e"
        " JOIN outbox.capture_error c ON c.event_ids = ARRAY[e.id]"
    ) == [(True, True)]
    assert recapture(source.database.engine).recaptured == 0


def test_updates_are_recaptured_with_what_changed(source: Source) -> None:
    """Recorded rows keep the values that the rule keeps, and the names of what else changed."""
    rule = {**MAPPING["capture"][1], "when": "1 / length(new.title) > 0", "columns": ["title"]}
    source.install(capture=[MAPPING["capture"][0], rule])
    source.run("UPDATE contract SET title = '', note = 'secret words', seen_at = now()")
    assert source.rows("SELECT old_row, new_row, differs FROM outbox.capture_error") == [
        ({"id": 1, "title": "a"}, {"id": 1, "title": ""}, ["note", "seen_at", "title"])
    ]
    source.install(capture=[MAPPING["capture"][0], {**MAPPING["capture"][1], "columns": ["title"]}])
    recapture(source.database.engine)
    assert source.events() == [Captured("update", "1", {"title": ["a", ""], "note": None})]


def test_a_rule_broken_by_a_rename_is_recaptured_by_the_new_name(source: Source) -> None:
    """A renamed column's value is recorded, since it is known by its number; the mended rule reads it."""
    source.run("ALTER TABLE email RENAME contract_id TO agreement_id")
    source.run("INSERT INTO email VALUES (1, 'invitation', 'x')")
    mended = {**MAPPING["capture"][3], "contract": "new.agreement_id"}
    source.install(capture=[*MAPPING["capture"][:3], mended])
    assert recapture(source.database.engine).recaptured == 1
    assert source.events() == [Captured("send", "1", None, {"to": "x"})]


def test_a_bulk_change_takes_few_transaction_ids(source: Source) -> None:
    """Thousands of rows in one statement take a handful of subtransaction ids: other sessions stay quick."""
    source.run("INSERT INTO contract (id) SELECT generate_series(2, 3000)")
    assert source.rows("SELECT count(*), count(DISTINCT CAST(xmin AS text)) <= 2 FROM outbox.inbox") == [(2999, True)]
    assert source.rows("SELECT count(*), count(DISTINCT CAST(xmin AS text)) <= 2 FROM outbox.event") == [(2999, True)]
    source.install(capture=[*MAPPING["capture"][:3], EMAIL])
    source.run("INSERT INTO email SELECT 1, 'invitation', 'x' FROM generate_series(1, 500)")
    assert source.rows("SELECT count(*), count(DISTINCT CAST(xmin AS text)) <= 2 FROM outbox.capture_error") == [
        (500, True)
    ]


def test_a_contract_key_too_long_for_an_index_is_recorded(source: Source) -> None:
    """A key that no index takes is a failure like any other, also after a first note."""
    source.run(
        "CREATE TABLE paper (id text PRIMARY KEY); CREATE TABLE stamp (paper text)",
    )
    source.install(
        contract={"query": "SELECT id AS contract_id, '1' AS business_unit, 'x' AS status FROM paper"},
        company=None,
        capture=[{"trigger": "send", "table": "stamp", "on": "insert", "contract": "new.paper"}],
    )
    source.run(
        "INSERT INTO stamp VALUES ('short')",
        "INSERT INTO stamp SELECT string_agg(md5(n::text), '') FROM generate_series(1, 300) AS n",
    )
    assert [one.contract for one in source.events()] == ["short"]
    assert [state for _, _, state, _ in source.errors()] == ["54000"]
