"""The views of outbox_audit: columns, states read from facts, reasons, the timeline."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row

from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_open,
    insert_queued,
)

COLUMNS = {
    "events": "event_id occurred_at trigger contract_id business_unit status changed detail document transaction_id"
    " coalesced_into",
    "deliveries": "event_id connector connector_version contract_id business_unit trigger state attempts due_at"
    " created_at finished_at last_error",
    "attempts": "event_id connector contract_id number kind started_at duration_ms outcome status_code error url"
    " request_headers request_body response_headers response_body worker",
    "not_sent": "event_id connector reason",
}


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def rows(db: Connection, statement: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a SELECT, as dicts."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()


def states(db: Connection) -> dict[int, str]:
    """Event id -> state of its delivery."""
    return {row["event_id"]: row["state"] for row in rows(db, "SELECT * FROM outbox_audit.deliveries")}


@pytest.mark.parametrize("view", COLUMNS)
def test_views_have_their_promised_columns_in_order(db: Connection, view: str) -> None:
    """The first columns are a documented interface; further ones may follow."""
    promised = COLUMNS[view].split()
    statement = sql.SQL("SELECT * FROM {}").format(sql.Identifier("outbox_audit", view))

    found = [one.name for one in db.execute(statement).description or ()]

    assert found[: len(promised)] == promised


def test_every_view_explains_itself(db: Connection) -> None:
    """Each has a comment, which psql shows."""
    bare = rows(
        db,
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'outbox_audit'::regnamespace"
        " AND c.relkind = 'v' AND obj_description(c.oid, 'pg_class') IS NULL",
    )

    assert bare == []


def test_an_open_delivery_is_pending_leased_held_or_blocked(db: Connection) -> None:
    """The queue tells the state: a lease that runs, a connector that waits, a lane with a head, else pending."""
    crm, off = insert_connector(db, "crm"), insert_connector(db, "off")
    held = insert_connector(db, "held", held_reason="receiver fails")
    expected = {}
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (crm, "pending", {}),
        (crm, "leased", {"leased": "host:1", "due_in": 30}),
        (crm, "pending", {"leased": "host:1", "due_in": -1}),
        (crm, "blocked", {"ready": False}),
        (off, "held", {}),
        (held, "held", {"ready": False}),
    ]
    for owner, state, values in cases:
        event = insert_event(db)
        insert_delivery(db, event, owner)
        insert_queued(db, event, owner, **values)
        expected[event] = state
    disable_connector(db, off)

    assert states(db) == expected
    assert {row["event_id"]: row["state"] for row in rows(db, "SELECT * FROM outbox_audit.waiting")} == expected


def test_what_waits_for_a_key_is_held(db: Connection) -> None:
    """As long as a running daemon says that it has none, and not a moment after it stopped or fell silent."""
    crm = insert_connector(db)
    event = insert_open(db, crm)
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport, unopened)"
        " VALUES ('h:1', 'h', 1, '1', 'requests', %s)",
        ([crm],),
    )
    reason = "SELECT state, state_reason FROM outbox_audit.connectors"

    assert states(db) == {event: "held"}
    held = {"state": "held", "state_reason": "its secret can't be opened with the keys of h:1"}
    assert rows(db, reason) == [held]
    for gone in ("seen_at = now() - interval '2 minutes'", "seen_at = now(), stopped_at = now()"):
        db.execute(b"UPDATE outbox.worker SET %s" % gone.encode())
        assert states(db) == {event: "pending"}
        assert rows(db, reason) == [{"state": "enabled", "state_reason": None}]


def test_a_blocked_delivery_names_the_event_it_waits_for(db: Connection) -> None:
    """What blocks a lane is visible: its first open row."""
    crm = insert_connector(db)
    first, second, third = (insert_event(db) for _ in range(3))
    for event in (first, second, third):
        insert_delivery(db, event, crm)
        insert_queued(db, event, crm, ready=event == first)

    found = rows(db, "SELECT event_id, blocked_by FROM outbox_audit.deliveries ORDER BY event_id")

    assert [row["blocked_by"] for row in found] == [None, first, first]


def test_out_of_the_queue_the_settling_attempt_tells_the_state(db: Connection) -> None:
    """delivered, dead or cancelled, with the time of its end and the last error."""
    crm = insert_connector(db)
    delivered, dead, cancelled = (insert_event(db) for _ in range(3))
    for event in (delivered, dead, cancelled):
        insert_delivery(db, event, crm)
    insert_attempt(db, delivered, crm, 1, outcome="http_error")
    insert_attempt(db, delivered, crm, 2, started_at="2026-01-01 00:00:00Z", duration_ms=1500)
    insert_attempt(db, dead, crm, 1, outcome="timeout", status_code=None, error="no answer", settled="dead")
    insert_attempt(db, cancelled, crm, 1, outcome="interrupted", error="connector removed", settled="cancelled")

    found = rows(db, "SELECT * FROM outbox_audit.deliveries ORDER BY event_id")

    assert [row["state"] for row in found] == ["delivered", "dead", "cancelled"]
    assert [row["attempts"] for row in found] == [2, 1, 1]
    assert [row["last_error"] for row in found] == ["HTTP 500", "no answer", "connector removed"]
    assert found[0]["finished_at"].isoformat() == "2026-01-01T00:00:01.500000+00:00"
    assert all(row["due_at"] is None for row in found)


def test_once_delivered_it_stays_delivered_whatever_a_replay_does(db: Connection) -> None:
    """A replay that waits, or went dead, stands beside: the first delivery's time is kept."""
    crm = insert_connector(db)
    waiting, failed = insert_event(db), insert_event(db)
    for event in (waiting, failed):
        insert_delivery(db, event, crm)
        insert_attempt(db, event, crm, 1, started_at="2026-01-01 00:00:00Z", duration_ms=0)
    insert_queued(db, waiting, crm, kind="replay", attempts=1)
    insert_attempt(db, failed, crm, 2, kind="replay", outcome="timeout", settled="dead")

    found = rows(db, "SELECT * FROM outbox_audit.deliveries ORDER BY event_id")

    assert [row["state"] for row in found] == ["delivered", "delivered"]
    assert [row["replaying"] for row in found] == [True, False]
    assert [row["attempts"] for row in found] == [1, 2]
    assert {row["finished_at"].year for row in found} == {2026}
    assert rows(db, "SELECT * FROM outbox_audit.undelivered") == []


def test_a_dead_delivery_that_is_replayed_is_pending_until_it_ends(db: Connection) -> None:
    """While the replay waits it is open again; its result decides anew."""
    crm = insert_connector(db)
    event = insert_event(db)
    insert_delivery(db, event, crm)
    insert_attempt(db, event, crm, 1, outcome="timeout", settled="dead")
    assert states(db) == {event: "dead"}

    insert_queued(db, event, crm, kind="replay", attempts=1)
    waiting = rows(db, "SELECT * FROM outbox_audit.deliveries")
    db.execute("DELETE FROM outbox.queue")
    insert_attempt(db, event, crm, 2, kind="replay")

    assert [(row["state"], row["finished_at"]) for row in waiting] == [("pending", None)]
    assert states(db) == {event: "delivered"}


def test_late_attempts_and_tests_do_not_count_as_deliveries(db: Connection) -> None:
    """A late attempt settles nothing; a test is listed among attempts alone."""
    crm = insert_connector(db)
    event, tried = insert_event(db), insert_event(db)
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, attempts=1)
    insert_attempt(db, event, crm, 1, outcome="lost")
    insert_attempt(db, event, crm, 1, outcome="late")
    insert_delivery(db, tried, crm, kind="test")
    insert_attempt(db, tried, crm, 1, kind="test")

    attempts = rows(db, "SELECT event_id, kind, late FROM outbox_audit.attempts ORDER BY event_id, late")

    assert states(db) == {event: "pending"}
    assert [(row["event_id"], row["kind"], row["late"]) for row in attempts] == [
        (event, "auto", False),
        (event, "auto", True),
        (tried, "test", False),
    ]


def test_attempts_give_the_exact_bytes_and_text_where_it_is_text(db: Connection) -> None:
    """The body sent and the answer received, byte for byte; text only where the bytes are UTF-8 without NUL."""
    crm = insert_connector(db)
    bodies = {b'{"a":"\xc3\xbc"}': '{"a":"ü"}', b"\xff\x00": None, b"a\x00b": None, b"": ""}
    for body in bodies:
        event = insert_event(db)
        insert_delivery(db, event, crm, body=body)
        insert_attempt(db, event, crm, response_body=body)

    found = rows(db, "SELECT * FROM outbox_audit.attempts")

    assert {bytes(row["request_body"]): row["request_text"] for row in found} == bodies
    assert {bytes(row["response_body"]): row["response_text"] for row in found} == bodies


def test_not_sent_gives_a_reason_for_everything_that_was_not(db: Connection) -> None:
    """Decisions against, the dead and the cancelled; neither what waits nor what was delivered."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    sent, lost, nobody, merged, dead = (insert_event(db) for _ in range(5))
    for event in (sent, dead):
        insert_decision(db, event, "deliver", connector_id=crm)
        insert_delivery(db, event, crm)
    insert_attempt(db, sent, crm)
    insert_attempt(db, dead, crm, outcome="timeout", error="no answer", settled="dead")
    insert_decision(db, sent, "trigger_not_chosen", connector_id=erp)
    insert_decision(db, lost, "discarded", connector_id=crm)
    insert_decision(db, nobody, "no_connector")
    insert_decision(db, merged, "coalesced", into_event_id=sent)

    found = rows(db, "SELECT * FROM outbox_audit.not_sent ORDER BY event_id")

    assert [(row["event_id"], row["connector"], row["reason"]) for row in found] == [
        (sent, "erp", "trigger_not_chosen"),
        (lost, "crm", "discarded"),
        (nobody, None, "no_connector"),
        (merged, None, "coalesced"),
        (dead, "crm", "dead"),
    ]
    assert found[-1]["words"] == "not sent: dead after 1 attempt: no answer"
    assert found[3]["words"] == f"not sent by itself: part of event {sent}"


def test_a_backfill_takes_back_that_an_event_was_not_sent(db: Connection) -> None:
    """What was decided against at routing and delivered since is no longer not sent."""
    crm = insert_connector(db)
    discarded, nobody = insert_event(db), insert_event(db)
    insert_decision(db, discarded, "discarded", connector_id=crm)
    insert_decision(db, nobody, "no_connector")
    assert len(rows(db, "SELECT * FROM outbox_audit.not_sent")) == 2

    for event in (discarded, nobody):
        insert_decision(db, event, "backfill", connector_id=crm)
        insert_delivery(db, event, crm, kind="backfill")
        insert_queued(db, event, crm)

    assert rows(db, "SELECT * FROM outbox_audit.not_sent") == []


def test_the_timeline_tells_a_contract_in_order(db: Connection) -> None:
    """Changes with old and new, decisions, attempts: each in the order in which it happened, of that contract alone."""
    crm = insert_connector(db)
    event = insert_event(
        db, changed={"amount": [1, 2], "note": None}, occurred_at="2026-01-01 00:00:00Z", detail={"by": "ann"}
    )
    insert_event(db, "k2")
    insert_decision(db, event, "deliver", connector_id=crm, decided_at="2026-01-01 00:00:01Z")
    insert_delivery(db, event, crm)
    for number, second, outcome in [(1, 2, "http_error"), (2, 7, "ok")]:
        insert_attempt(db, event, crm, number, outcome=outcome, started_at=f"2026-01-01 00:00:0{second}Z")

    found = rows(db, "SELECT * FROM outbox_audit.contract_timeline WHERE contract_id = 'k1'")

    assert [(row["what"], row["connector"], row["words"]) for row in found] == [
        ("event", None, 'update: amount 1 -> 2; note changed; {"by": "ann"}'),
        ("decision", "crm", "to be delivered"),
        ("attempt", "crm", "attempt 1: http_error 500 in 12 ms"),
        ("attempt", "crm", "attempt 2: ok 200 in 12 ms; delivered"),
    ]


def test_the_connectors_view_shows_no_secret(db: Connection) -> None:
    """Whether a secret is set, and the names of own headers, never their values."""
    insert_connector(db, secret=b"planted", signing_secret=b"planted", headers={"X-Key": "planted"})

    (found,) = rows(db, "SELECT * FROM outbox_audit.connectors")

    assert "planted" not in repr(found)
    assert (found["has_secret"], found["has_signing_secret"], found["header_names"]) == (True, True, ["X-Key"])


def test_events_name_the_event_that_they_are_part_of(db: Connection) -> None:
    """A coalesced event points to the one that is reported in its place."""
    first, second = insert_event(db), insert_event(db)
    insert_decision(db, second, "coalesced", into_event_id=first)

    found = rows(db, "SELECT * FROM outbox_audit.events ORDER BY event_id")

    assert [(row["coalesced_into"], row["routed_at"] is None) for row in found] == [(None, True), (first, False)]
