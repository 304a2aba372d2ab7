"""A contract's content is erased: nothing of it is left, the skeleton stays, and it is on record."""

from collections.abc import Iterator
from typing import Any

import pytest

from outbox import store, trial, worker
from outbox.chores import CHORES
from outbox.connectors import load_connectors
from outbox.erasure import Content, Erased, content_of
from outbox.model import Outcome, Response
from outbox.replay import Verdict, judge, replay
from outbox.secret_box import SecretBox
from tests.command import Command
from tests.conftest import Database
from tests.erasures import WORD, erased, leftovers
from tests.factories import (
    Connection,
    connect,
    create_source,
    disable_connector,
    hold,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_note,
    insert_open,
    insert_queued,
)
from tests.leases import attempt, attempts_of, claim, queue, settle
from tests.receiver import receiver
from tests.relays import in_thread, relay_on, wait_for

BEYOND = 900_000_000
"""An event id of no range: its rows fall into the default partitions."""


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every statement stands at once; the source's functions stand."""
    with connect(database) as connection:
        create_source(connection)
        yield connection


def planted(db: Connection, contract: str, **values: Any) -> int:
    """An event, its delivery and a failed attempt, all with the word in them."""
    said = {"name": WORD}
    event = insert_event(db, contract, document=said, changed={"name": [WORD, None]}, detail=said, **values)
    connector = db.execute("SELECT min(id) FROM outbox.connector").fetchall()[0][0]
    insert_delivery(db, event, int(str(connector)), body=f'{{"name":"{WORD}"}}'.encode())
    answer: dict[str, Any] = {"response_headers": {"x-echo": WORD}, "response_body": f"Hello {WORD}".encode()}
    insert_attempt(db, event, int(str(connector)), outcome="protocol", error=f"got {WORD!r}", **answer)
    return event


def test_nothing_of_a_contract_is_left_in_any_partition(database: Database, db: Connection) -> None:
    """Of events, reports, answers, words, notes, queue and capture errors; another contract keeps all of its own."""
    insert_connector(db)
    events = [planted(db, "k1"), planted(db, "k1", id=BEYOND)]
    insert_queued(db, events[1], 1, attempts=1, last_error=f"got {WORD!r}")
    insert_note(db, "k1", document={"name": WORD}, changed={"name": [WORD, None]})
    db.execute("UPDATE outbox.inbox SET detail = jsonb_build_object('name', CAST(%s AS text))", (WORD,))
    db.execute(
        "INSERT INTO outbox.capture_error (rule, trigger, contract_id, changed, sqlstate, message)"
        " VALUES ('contract', 'update', 'k1', jsonb_build_object('name', CAST(%s AS text)), '22000', %s)",
        (WORD, WORD),
    )
    other = planted(db, "k2")

    done = erased(database)

    assert done == Erased(3, 2, 2, notes=1, cancelled=1, capture_errors=1, unclear_errors=0)
    assert leftovers(database) != []
    assert {row for row in leftovers(database) if "k1" in row} == set()
    erased(database, "k2")
    assert leftovers(database) == []
    assert db.execute("SELECT count(*) FROM outbox.event WHERE id = ANY (%s)", ([*events, other],)).fetchone() == (3,)


def test_the_skeleton_stays(database: Database, db: Connection) -> None:
    """Ids, times, triggers, states and outcomes are what they were; what was sent and answered is still told."""
    skeleton = (
        "SELECT e.id, e.occurred_at, e.trigger, e.contract_id, e.business_unit, d.content_type, d.created_at, t.number,"
        " t.started_at, t.duration_ms, t.outcome, t.status_code, t.error_code, t.url, t.request_headers, t.settled"
        " FROM outbox.event e JOIN outbox.delivery d ON d.event_id = e.id JOIN outbox.attempt t ON t.event_id = e.id"
    )
    insert_connector(db)
    planted(db, "k1")
    before = db.execute(skeleton).fetchall()

    erased(database)

    assert len(before) == 1
    assert db.execute(skeleton).fetchall() == before


def test_it_is_on_record(database: Database, db: Connection) -> None:
    """Who, when, why, by which login, and how much; a second time finds nothing and says so."""
    insert_connector(db)
    planted(db, "k1")
    erased(database)
    again = erased(database)

    assert again == Erased(0, 0, 0, 0, 0, 0, 0)
    assert db.execute(
        "SELECT contract_id, erased_by, login, reason, events, deliveries, attempts FROM outbox_audit.erasures"
        " ORDER BY erasure_id"
    ).fetchall() == [
        ("k1", "the officer", "postgres", "request 17", 1, 1, 1),
        ("k1", "the officer", "postgres", "request 17", 0, 0, 0),
    ]


def test_what_waits_is_cancelled_with_the_reason(database: Database, db: Connection) -> None:
    """Pending, blocked and leased ones, at every connector, numbering without a gap; other contracts wait on."""
    crm, erp = insert_connector(db), insert_connector(db, "erp")
    first, behind = insert_open(db, crm, attempts=2), insert_open(db, crm, ready=False)
    leased = insert_open(db, erp)
    claim(database, erp)
    other = insert_open(db, crm, "k2")

    done = erased(database)

    assert done.cancelled == 3
    assert [row[0] for row in queue(db)] == [other]
    assert attempts_of(db, first) == [(3, "interrupted", "the officer", "cancelled")]
    assert attempts_of(db, behind) == [(1, "interrupted", "the officer", "cancelled")]
    assert attempts_of(db, leased) == [(1, "interrupted", "the officer", "cancelled")]
    assert db.execute("SELECT DISTINCT words FROM outbox_audit.not_sent WHERE reason = 'cancelled'").fetchall() == [
        ("not sent: erased by the officer: request 17",)
    ]


def test_an_answer_that_comes_after_the_erasure_has_no_content(database: Database, db: Connection) -> None:
    """The worker that was sending settles late: outcome and status are told, body, headers and words are not."""
    crm = insert_connector(db)
    event = insert_open(db, crm)
    (leased,) = claim(database, crm)
    erased(database)
    answer = Response(Outcome.HTTP_ERROR, 1.0, status=500, headers=(("x-echo", WORD),), body=WORD.encode(), error=WORD)

    assert settle(database, attempt(leased, answer, settled=None)) == 1

    assert leftovers(database) == []
    assert db.execute(
        "SELECT late, outcome, error_code, error, status_code FROM outbox.attempt WHERE event_id = %s AND late",
        (event,),
    ).fetchall() == [(True, "late", "http_error", "came after its lease had run out", 500)]
    assert queue(db) == []


def test_a_late_answer_to_what_was_not_erased_keeps_its_content(database: Database, db: Connection) -> None:
    """Only the erasure takes it: a worker that comes back too late is on record whole."""
    crm = insert_connector(db)
    insert_open(db, crm)
    (leased,) = claim(database, crm)
    db.execute("UPDATE outbox.queue SET lease_token = 2")

    assert settle(database, attempt(leased, Response(Outcome.OK, 1.0, status=200, body=WORD.encode()))) == 1

    assert len(leftovers(database)) == 1


def test_what_was_not_routed_yet_is_never_sent_but_later_changes_are(database: Database, db: Connection) -> None:
    """Routing could read the contract anew, so the note goes, with its reason; the next change is the application's."""
    with receiver() as crm:
        insert_connector(db, url=crm.url)
        noted = insert_note(db, "k1", document={"name": WORD})
        erased(database)
        later = insert_note(db, "k1", document={"name": "someone else"})
        with relay_on(database) as relay:
            relay.run_until_idle()

        assert [got.headers["webhook-id"] for got in crm.received] == [f"dlv_{later}_1"]
    assert db.execute("SELECT reason, words FROM outbox_audit.not_sent WHERE event_id = %s", (noted,)).fetchall() == [
        ("erased", "not sent: its content was erased before it was routed")
    ]


def test_replay_and_backfill_find_nothing_to_send(database: Database, db: Connection) -> None:
    """A replay is refused with the reason, another than that of a report which could not be built."""
    crm = insert_connector(db)
    event = planted(db, "k1")
    insert_decision(db, event, "deliver", connector_id=crm)
    unbuilt = insert_event(db, "k2")
    insert_delivery(db, unbuilt, crm, body=None)
    erased(database)

    with database.engine.connect() as connection:
        verdicts = [one.verdict for one in judge(connection, [(event, crm), (unbuilt, crm)])]
    done = list(replay(database.engine, [(event, crm)], asked_by="me"))

    assert verdicts == [Verdict.ERASED, Verdict.NO_BODY]
    assert [one.words for one in done] == [
        "is not replayed: its report was erased; outbox_audit.erasures says when, by whom and why"
    ]
    assert queue(db) == []


def test_the_words_of_a_receiver_are_erased_where_its_connector_was_held_for_them(
    database: Database, db: Connection
) -> None:
    """A broken answer that quotes the report is quoted in the hold, in the disabling and in its version."""
    crm = insert_connector(db)
    quoted = f"expected an HTTP answer, got '{WORD}'"
    planted(db, "k1")
    insert_attempt(db, 1, crm, 2, outcome="protocol", error_code="bad_status_line", error=quoted)
    hold(db, crm, f"10 attempts in a row failed; the last: {quoted}", last_error=quoted)
    db.execute(
        "UPDATE outbox.connector SET enabled = false, disabled_at = now(), disabled_reason = %s", (f"no: {quoted}",)
    )
    db.execute(
        "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by)"
        " VALUES (%s, 1, 'disable', jsonb_build_object('disabled_reason', CAST(%s AS text)), 'relay')",
        (crm, f"no: {quoted}"),
    )

    db.execute(
        "INSERT INTO outbox.alert (rule, subject, severity, title, words, mend, last_error)"
        " VALUES ('connector_held', 'crm', 'warning', 'held', %s, 'mend it', %s)",
        (f"10 attempts in a row failed; the last: {quoted}", f"the hook said: {quoted}"),
    )

    erased(database)

    assert leftovers(database) == []
    assert db.execute("SELECT held_reason FROM outbox.health").fetchone() == (
        "10 attempts in a row failed; the last: erased",
    )
    assert db.execute("SELECT words, last_error FROM outbox_audit.alerts").fetchall() == [
        ("10 attempts in a row failed; the last: erased", "the hook said: erased")
    ]


def test_erasing_and_editing_a_connector_never_wait_for_each_other(database: Database, db: Connection) -> None:
    """Who edits one takes the connector, then lanes; so does who erases words of it."""
    crm = insert_connector(db)
    quoted = f"expected an HTTP answer, got '{WORD}'"
    insert_attempt(db, planted(db, "k1"), crm, 2, outcome="protocol", error_code="bad_status_line", error=quoted)
    disable_connector(db, crm, quoted)
    done: list[Erased] = []
    with database.connect() as editing:
        editing.execute("SELECT FROM outbox.connector WHERE id = %s FOR UPDATE", (crm,))
        with in_thread(lambda: done.append(erased(database))):
            wait_for(lambda: db.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount == 1)
            editing.execute("SELECT pg_advisory_xact_lock(7231002, hashtext('k1') & 1023)")
            editing.commit()

    assert [one.attempts for one in done] == [2]
    assert leftovers(database) == []


def test_an_alert_that_is_being_written_is_erased_too(database: Database, db: Connection) -> None:
    """Who looks for troubles holds the tick of its chore until its words stand: erasing waits for that."""
    crm = insert_connector(db)
    quoted = f"expected an HTTP answer, got '{WORD}'"
    insert_attempt(db, planted(db, "k1"), crm, 2, outcome="protocol", error_code="bad_status_line", error=quoted)
    chore = next(one for one in CHORES if one.name == "alerts")
    with database.engine.begin() as watching:
        assert worker.tick(watching, chore.name, seconds=chore.seconds)
    with database.engine.begin() as watching:
        assert worker.tick(watching, chore.name, seconds=0.001)
        with in_thread(lambda: erased(database)):
            wait_for(lambda: db.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount == 1)
            with connect(database) as words:
                words.execute(
                    "INSERT INTO outbox.alert (rule, severity, title, words, mend)"
                    " VALUES ('r', 'warning', 't', %s, 'm')",
                    (quoted,),
                )
            watching.commit()

    assert leftovers(database) == []


def test_a_test_that_is_being_sent_leaves_no_content(database: Database, db: Connection) -> None:
    """`outbox connectors test` repeats the newest event: erased meanwhile, it is recorded without."""
    insert_connector(db)
    insert_event(db, "k1", "create", document={"name": WORD})
    with database.engine.begin() as connection:
        (connector,) = load_connectors(connection, SecretBox([]))
        sample = trial.prepare_trial(connection, connector, max_bytes=100_000)
    assert WORD.encode() in (sample.request.body or b"")
    erased(database)
    with database.engine.begin() as connection:
        answer = Response(Outcome.OK, 1.0, status=200, headers=(("x-echo", WORD),), body=WORD.encode())
        trial.record_trial(connection, sample, answer, worker="w1")

    assert leftovers(database) == []
    assert db.execute("SELECT kind, outcome, status_code FROM outbox.attempt").fetchall() == [("test", "ok", 200)]


def test_erasing_waits_for_who_routes_or_settles_the_contract(database: Database, db: Connection) -> None:
    """Under the contract's lane lock: what a router was about to write is erased with the rest."""
    crm = insert_connector(db)
    event = insert_event(db, "k1")
    done: list[Erased] = []
    with database.engine.begin() as router:
        store.lane_locks(router, ["k1"])
        with in_thread(lambda: done.append(erased(database))):
            waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            wait_for(lambda: db.execute(waiting.encode()).rowcount == 1)
            with database.connect() as other:
                insert_delivery(other, event, crm, body=WORD.encode())
            router.commit()

    assert [one.deliveries for one in done] == [1]
    assert leftovers(database) == []


def test_content_is_counted_before_it_is_erased(database: Database, db: Connection) -> None:
    """As the command says it; of a contract without content it is nothing."""
    crm = insert_connector(db)
    planted(db, "k1")
    insert_note(db, "k1")
    insert_open(db, crm)

    with database.engine.connect() as connection:
        found = Content(2, 2, 1, notes=1, waiting=1, capture_errors=0, unclear_errors=0)
        assert content_of(connection, "k1") == found
        assert content_of(connection, "k9").nothing


class TestCommand:
    """The command asks, erases, and says with its exit code what came of it."""

    def test_it_says_what_it_would_take_and_asks(self, command_line: Command, sql: Connection) -> None:
        """Nobody is there to say yes: nothing is done."""
        insert_connector(sql)
        planted(sql, "k1")

        said = command_line("erase", "--contract", "k1", "--reason", "request 17", code=1)

        assert "contract 'k1': content in 1 event, 1 report, 1 attempt" in said
        assert "Nobody is here to answer" in said
        assert sql.execute("SELECT FROM outbox.erasure").fetchall() == []

    def test_it_erases_and_tells(self, command_line: Command, sql: Connection, source_database: Database) -> None:
        """Exit code 0; who asked is on record."""
        insert_connector(sql)
        planted(sql, "k1")

        said = command_line("erase", "--contract", "k1", "--reason", "request 17", "--as", "the officer", "--yes")

        assert "erased in 1 event, 1 report, 1 attempt, 0 capture errors, 0 notes; 0 deliveries cancelled" in said
        assert leftovers(source_database) == []
        assert sql.execute("SELECT erased_by, reason FROM outbox.erasure").fetchone() == ("the officer", "request 17")

    def test_an_error_that_may_be_its_lets_an_unknown_contract_pass(
        self, command_line: Command, sql: Connection
    ) -> None:
        """Of no rule that stands: nobody can tell whose it is, so it is said, and what can be done is done."""
        sql.execute(
            "INSERT INTO outbox.capture_error (rule, relation, new_row, sqlstate, message)"
            " VALUES ('gone', 1, '{}', '42703', 'm')"
        )

        said = command_line("erase", "--contract", "k9", "--reason", "request 17", "--yes", code=1)

        assert "besides, nobody can tell whose: 1 capture error" in said
        assert "nobody can tell whose it is: mend source.toml" in said
        assert sql.execute("SELECT contract_id, unclear_errors FROM outbox.erasure").fetchall() == [("k9", 1)]

    def test_an_unknown_contract_and_an_empty_reason_are_refused(self, command_line: Command) -> None:
        """A mistyped id must not look like a deed that was done."""
        assert "is that its id?" in command_line("erase", "--contract", "k9", "--reason", "request 17", "--yes", code=1)
        assert "--reason" in command_line("erase", "--contract", "k9", "--reason", " ", "--yes", code=2)
