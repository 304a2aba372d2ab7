"""Views that look for what should not be: duplicates, order that was not kept, changes that nothing knows of."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.rows import dict_row

from outbox.install import install, uninstall
from outbox.mapping import Mapping
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_note,
    insert_open,
    rewrite,
)

CONTRACT = """
  CREATE TABLE public.contract (id integer PRIMARY KEY, unit text, status text, views integer DEFAULT 0,
                                created_at timestamptz);
  CREATE TABLE public.item (contract_id integer, price integer);
  CREATE TABLE public.unit (id text PRIMARY KEY, name text)
"""
MAPPING: dict[str, Any] = {
    "contract": {
        "query": "SELECT c.id AS contract_id, c.unit AS business_unit, c.status, c.views, c.created_at,"
        " (SELECT sum(i.price) FROM public.item i WHERE i.contract_id = c.id) AS total FROM public.contract c"
    },
    "business_unit": {"query": "SELECT id AS business_unit, name FROM public.unit"},
    "capture": [
        {"trigger": "create", "table": "public.contract", "on": "insert", "contract": "new.id"},
        {"trigger": "update", "table": "public.contract", "on": "update", "contract": "new.id", "ignore": ["views"]},
    ],
}


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def source(database: Database, db: Connection) -> Connection:
    """A contract application, one contract that is older than the install, and the mapping."""
    db.execute(CONTRACT.encode())
    db.execute("INSERT INTO public.contract VALUES (1, 'bu1', 'sent', 0, '2026-01-01Z')")
    install(database.engine, Mapping.model_validate(MAPPING))
    return db


def rows(db: Connection, statement: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a SELECT, as dicts."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), values).fetchall()


def attempts(db: Connection, *outcomes: str, connector: int, **last: Any) -> int:
    """A delivery with these attempts, numbered from 1; a late one stands beside the one before it."""
    event, number = insert_event(db), 0
    insert_delivery(db, event, connector)
    for place, outcome in enumerate(outcomes, start=1):
        number += outcome != "late"
        values = last if place == len(outcomes) else {}
        insert_attempt(db, event, connector, number, outcome=outcome, **values)
    return event


def test_a_duplicate_is_what_may_have_arrived_twice(db: Connection) -> None:
    """Answered, or broken off, or unknown: twice of these; what never left and lost beside late count once."""
    crm = insert_connector(db)
    for once in (["ok"], ["dns", "ok"], ["connect", "tls", "blocked", "ok"], ["lost", "late"], ["timeout"]):
        attempts(db, *once, connector=crm)
    attempts(db, "timeout", "interrupted", connector=crm, settled="cancelled")
    refused = attempts(db, "http_error", "dns", "ok", connector=crm)
    broken_off = attempts(db, "timeout", "lost", "late", "ok", connector=crm)
    replayed = attempts(db, "ok", "ok", connector=crm, kind="replay")
    last_never_left = attempts(db, "timeout", "ok", "dns", connector=crm, kind="replay")

    found = rows(db, "SELECT * FROM outbox_audit.duplicates ORDER BY event_id")

    assert [(row["event_id"], row["arrivals"], row["confirmed"], row["replays"]) for row in found] == [
        (refused, 2, 1, 0),
        (broken_off, 3, 1, 0),
        (replayed, 2, 2, 1),
        (last_never_left, 2, 1, 0),
    ]
    assert found[1]["outcomes"] == ["timeout", "lost", "late", "ok"]


def lane(db: Connection, connector: int, *times: tuple[int, int], **values: Any) -> list[int]:
    """Events of one contract, each delivered from and to these seconds; each transaction saw the one before."""
    events = []
    for number, (start, end) in enumerate(times):
        transaction = {"xid": str(100 + number), "snapshot": f"{100 + number}:{100 + number}:"}
        event = insert_event(db, **{**transaction, **values})
        insert_delivery(db, event, connector)
        if end > start:
            at = f"2026-01-01 00:00:{start:02}Z"
            insert_attempt(db, event, connector, started_at=at, duration_ms=1000 * (end - start))
        events.append(event)
    return events


def test_an_order_violation_is_a_later_one_sent_before_the_earlier_was_settled(db: Connection) -> None:
    """In one lane: start before the end; or while the earlier one is still open."""
    crm = insert_connector(db)
    lane(db, crm, (1, 2), (2, 3), (4, 5))
    first, second, third, fourth = lane(db, crm, (11, 14), (12, 13), (20, 20), (21, 22))

    found = rows(db, "SELECT * FROM outbox_audit.order_violations ORDER BY later_event_id")

    assert [(row["earlier_event_id"], row["later_event_id"], row["ahead_ms"]) for row in found] == [
        (first, second, 2000),
        (third, fourth, None),
    ]


def test_what_has_no_order_violates_none(db: Connection) -> None:
    """Concurrent transactions, other contracts and connectors, connectors without order, tests, backfills, replays."""
    crm, free = insert_connector(db, "crm"), insert_connector(db, "free", lane_order="none")
    db.execute(
        "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by)"
        """ VALUES (%s, 1, 'create', '{"order": "none"}', 'ann'), (%s, 1, 'create', '{"order": "contract"}', 'ann')""",
        (free, crm),
    )
    lane(db, free, (1, 4), (2, 3), contract_id="unordered")
    lane(db, crm, (1, 4), (2, 3), snapshot="90:90:", contract_id="concurrent")
    lane(db, crm, (1, 4), contract_id="one contract")
    lane(db, crm, (2, 3), contract_id="another")
    backfilled = lane(db, crm, (1, 9), (2, 3), contract_id="backfilled")[0]
    rewrite(db, "UPDATE outbox.delivery SET kind = 'backfill' WHERE event_id = %s", (backfilled,))
    replayed = lane(db, crm, (1, 2), (2, 3), contract_id="replayed")[0]
    insert_attempt(db, replayed, crm, 2, kind="replay", started_at="2026-01-01 00:00:30Z")

    assert rows(db, "SELECT * FROM outbox_audit.order_violations") == []


def test_what_was_sent_after_order_was_given_up_violates_none(db: Connection) -> None:
    """Both were made in order's time and sent by a version that keeps none."""
    crm = insert_connector(db)
    db.execute(
        "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by)"
        """ VALUES (%s, 1, 'create', '{"order": "contract"}', 'ann'), (%s, 2, 'edit', '{"order": "none"}', 'ann')""",
        (crm, crm),
    )
    lane(db, crm, (1, 9), (2, 3))
    assert len(rows(db, "SELECT * FROM outbox_audit.order_violations")) == 1

    rewrite(db, "UPDATE outbox.attempt SET connector_version = 2")

    assert rows(db, "SELECT * FROM outbox_audit.order_violations") == []


def test_coverage_finds_facts_that_lack_their_next(db: Connection) -> None:
    """By business unit and UTC day: not decided, decided without delivery, never settled, to nobody, not captured."""
    crm = insert_connector(db)
    well = attempts(db, "ok", connector=crm)
    insert_decision(db, well, "deliver", connector_id=crm)
    coalesced = insert_event(db)
    insert_decision(db, coalesced, "coalesced", into_event_id=well)
    insert_decision(db, insert_open(db, crm), "deliver", connector_id=crm)
    insert_decision(db, insert_event(db), "erased")
    assert rows(db, "SELECT * FROM outbox_audit.coverage WHERE side = 'outbox'") == []

    insert_event(db, "forgotten", occurred_at="2026-01-01 00:30+01")
    insert_note(db, "waits")
    insert_decision(db, insert_event(db, "unmade"), "deliver", connector_id=crm)
    unsettled = insert_event(db, "unsettled", business_unit="bu2")
    insert_decision(db, unsettled, "deliver", connector_id=crm)
    insert_delivery(db, unsettled, crm)
    insert_decision(db, insert_event(db, "nobody's", business_unit="bu3"), "no_connector")
    db.execute(
        "INSERT INTO outbox.capture_error (rule, sqlstate, message, contract_id) VALUES ('r', '42703', 'm', 'failed')"
    )

    found = rows(db, "SELECT * FROM outbox_audit.coverage WHERE side = 'outbox'")

    assert {(row["finding"], row["business_unit"], row["found"], row["example"]) for row in found} == {
        ("not_decided", "bu1", 1, "forgotten"),
        ("not_routed", "bu1", 1, "waits"),
        ("no_delivery", "bu1", 1, "unmade"),
        ("not_settled", "bu2", 1, "unsettled"),
        ("to_nobody", "bu3", 1, "nobody's"),
        ("not_captured", None, 1, "failed"),
    }
    assert {str(row["day"]) for row in found if row["finding"] == "not_decided"} == {"2025-12-31"}


def test_coverage_finds_changes_that_no_capture_trigger_saw(source: Connection) -> None:
    """A create and an update made behind the triggers' back, and a column that no rule watches; nothing else."""
    source.execute("INSERT INTO public.contract VALUES (2, 'bu1', 'draft', 0, now()), (3, 'bu2', 'draft', 0, now())")
    source.execute("UPDATE public.contract SET views = 7")
    source.execute("UPDATE public.contract SET status = 'sent' WHERE id = 2")
    question = "SELECT * FROM outbox_audit.uncovered_contracts() ORDER BY contract_id"
    assert rows(source, question) == []

    source.execute("SET session_replication_role = replica")
    source.execute("INSERT INTO public.contract VALUES (4, 'bu2', 'draft', 0, now()), (5, 'bu2', 'draft', 0, NULL)")
    source.execute("UPDATE public.contract SET status = 'signed' WHERE id = 2")
    source.execute("RESET session_replication_role")
    source.execute("INSERT INTO public.item VALUES (3, 100)")

    found = rows(source, question)
    assert [(row["contract_id"], row["finding"], row["columns"]) for row in found] == [
        ("2", "changed", ["status"]),
        ("3", "changed", ["total"]),
        ("4", "no_create", None),
        ("5", "unseen", None),
    ]
    assert len(rows(source, "SELECT * FROM outbox_audit.uncovered_contracts('bu2')")) == 3
    counted = rows(source, "SELECT * FROM outbox_audit.coverage WHERE side = 'source' ORDER BY example")
    assert [(row["business_unit"], row["finding"], row["found"]) for row in counted] == [
        ("bu1", "changed", 1),
        ("bu2", "changed", 1),
        ("bu2", "no_create", 1),
        ("bu2", "unseen", 1),
    ]


def test_what_was_pruned_is_not_missed(source: Connection) -> None:
    """Ranges go in any order: whatever was created before the newest of what is gone may have had its event there."""
    source.execute("SET session_replication_role = replica")
    source.execute("INSERT INTO public.contract VALUES (2, 'bu1', 'draft', 0, now())")
    source.execute("INSERT INTO public.contract VALUES (3, 'bu1', 'draft', 0, now() + interval '2 hours')")
    source.execute("RESET session_replication_role")
    question = "SELECT contract_id, finding FROM outbox_audit.uncovered_contracts() ORDER BY contract_id"
    assert [row["contract_id"] for row in rows(source, question)] == ["2", "3"]

    source.execute(
        "INSERT INTO outbox.pruned (range_start, range_end, newest_at, keep)"
        " VALUES (10, 20, now() + interval '1 hour', '1 day'), (0, 10, '2026-01-01', '1 day')"
    )
    assert [row["contract_id"] for row in rows(source, question)] == ["3"]


def test_concurrent_changes_of_one_contract_are_no_missed_change(database: Database, source: Connection) -> None:
    """Neither document has both changes, but together they have what stands."""
    source.execute("INSERT INTO public.contract VALUES (2, 'bu1', 'draft', 0, now())")
    with connect(database) as other:
        other.autocommit = False
        other.execute("INSERT INTO public.item VALUES (2, 5)")
        other.execute("INSERT INTO outbox.inbox (trigger, contract_id) VALUES ('update', '2')")
        source.execute("UPDATE public.contract SET status = 'sent' WHERE id = 2")
        other.commit()

    assert rows(source, "SELECT * FROM outbox_audit.uncovered_contracts()") == []


def test_coverage_says_when_it_could_not_look_at_the_source(database: Database, source: Connection) -> None:
    """Without a mapping, and with one that no longer fits: never an error, never a silent `all well`."""
    question = "SELECT * FROM outbox_audit.coverage WHERE side = 'source'"
    source.execute("ALTER TABLE public.item RENAME TO position")
    source.execute("INSERT INTO public.contract VALUES (2, 'bu1', 'draft', 0, now())")

    (found,) = rows(source, question)
    assert found["finding"] == "not_compared"
    assert "could not be read" in found["words"]
    assert "public.item" in found["words"]

    uninstall(database.engine)
    (found,) = rows(source, question)
    assert (found["finding"], found["words"]) == (
        "not_compared",
        "no mapping is installed: the source was not looked at",
    )
