"""Routing: notes become deliveries and decisions in one transaction, and one bad contract stops no other."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import Connection as SqlAlchemyConnection
from sqlalchemy.exc import DBAPIError

from outbox import store
from outbox.connectors import load_connectors
from outbox.db import has_to_wait
from outbox.model import Report
from outbox.router import ALIKE, ConnectorsChangedError, Router, RoutingStuckError, route_contracts
from outbox.routing import ConnectorIndex
from outbox.secret_box import SecretBox
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    create_source,
    disable_connector,
    insert_connector,
    insert_note,
    rewrite,
)


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with; the source's functions stand."""
    with connect(database) as connection:
        create_source(connection)
        yield connection


def index(connection: SqlAlchemyConnection) -> ConnectorIndex:
    """The connectors as they stand."""
    return ConnectorIndex(load_connectors(connection, SecretBox(())))


def router(database: Database, *, most: int = 500, max_bytes: int = 1_048_576) -> Router:
    """A router of its own."""
    return Router(database.engine, most=most, max_bytes=max_bytes, worker="w1")


def decisions(sql: Connection) -> list[tuple[object, ...]]:
    """Event, connector and reason of each decision."""
    return sql.execute(
        "SELECT event_id, connector_id, reason FROM outbox.decision ORDER BY event_id, connector_id"
    ).fetchall()


def queued(sql: Connection) -> list[tuple[object, ...]]:
    """Event and readiness of what is queued, in lane order."""
    return sql.execute("SELECT event_id, ready FROM outbox.queue ORDER BY position").fetchall()


def notes(sql: Connection) -> object:
    """How many wait."""
    return sql.execute("SELECT count(*) FROM outbox.inbox").fetchall()[0][0]


def bodies(sql: Connection) -> list[bytes]:
    """Every report, by event."""
    return [row[0] for row in sql.execute("SELECT body FROM outbox.delivery ORDER BY event_id, connector_id")]  # type: ignore[misc]


def test_every_note_gets_a_decision_for_each_connector_of_its_unit(database: Database, sql: Connection) -> None:
    """Delivered, not chosen, discarded, or why nobody: and the inbox is empty in the same commit."""
    crm = insert_connector(sql)
    other_trigger = insert_connector(sql, "erp", triggers=["send"])
    waits = insert_connector(sql, "off")
    disable_connector(sql, waits)
    discards = insert_connector(sql, "gone")
    disable_connector(sql, discards)
    sql.execute("UPDATE outbox.connector SET discard = true WHERE id = %s", [discards])
    event = insert_note(sql)
    elsewhere = insert_note(sql, "k2", business_unit="bu2")
    nowhere = insert_note(sql, "k3", business_unit=None)

    assert router(database).route(index).events == 3

    assert decisions(sql) == [
        (event, crm, "deliver"),
        (event, other_trigger, "trigger_not_chosen"),
        (event, waits, "deliver"),
        (event, discards, "discarded"),
        (elsewhere, None, "no_connector"),
        (nowhere, None, "no_business_unit"),
    ]
    assert queued(sql) == [(event, True), (event, True)]
    assert notes(sql) == 0


def test_a_transactions_notes_on_one_contract_are_never_split(database: Database, sql: Connection) -> None:
    """However small the batch: all of a contract's notes are taken, so what belongs together is one report."""
    insert_connector(sql)
    with database.connect() as application:
        ids = [insert_note(application, "k1", changed={"title": [n, n + 1]}) for n in range(5)]

    assert router(database, most=1).route(index).events == 5

    assert [row[2] for row in decisions(sql)] == ["deliver", *["coalesced"] * 4]
    assert queued(sql) == [(ids[0], True)]
    assert b'"changed":{"title":{"old":0,"new":5}}' in bodies(sql)[0]


def test_an_event_finds_each_connector_that_stood_before_it(database: Database, sql: Connection) -> None:
    """A connector and then an event are committed just after the connectors were read: it is delivered all the same."""
    insert_note(sql, "k0", business_unit="bu2")
    made: list[int] = []

    def look(connection: SqlAlchemyConnection) -> ConnectorIndex:
        found = index(connection)
        if not made:
            made.extend([insert_connector(sql), insert_note(sql, "k1")])
        return found

    one = router(database)
    assert one.route(look).events + one.route(look).events == 2

    assert decisions(sql)[1:] == [(made[1], made[0], "deliver")]


def test_a_lane_keeps_the_order_of_its_events(database: Database, sql: Connection) -> None:
    """Over batches: only the first open row of a lane is ready; without order all are."""
    insert_connector(sql)
    first = insert_note(sql, "k1")
    router(database).route(index)
    rest = [insert_note(sql, "k1") for _ in range(3)]
    router(database).route(index)
    other = insert_note(sql, "k2")
    router(database).route(index)

    assert queued(sql) == [(first, True), *((event, False) for event in rest), (other, True)]


def test_without_order_every_row_is_ready(database: Database, sql: Connection) -> None:
    """`order none` makes no lanes."""
    insert_connector(sql, lane_order="none")
    events = [insert_note(sql, "k1") for _ in range(3)]

    router(database).route(index)

    assert queued(sql) == [(event, True) for event in events]


def test_a_note_whose_capture_has_not_run_waits(database: Database, sql: Connection) -> None:
    """It has no event yet; others go."""
    insert_connector(sql)
    sql.execute("INSERT INTO outbox.inbox (trigger, contract_id) VALUES ('update', 'k1')")
    event = insert_note(sql, "k2")

    assert router(database).route(index).events == 1

    assert queued(sql) == [(event, True)]
    assert notes(sql) == 1


def test_a_contract_that_another_router_is_at_is_left_to_it(database: Database, sql: Connection) -> None:
    """Nobody waits for a lane: the others of the batch are routed now, this one later."""
    insert_connector(sql)
    insert_note(sql, "k1")
    free = insert_note(sql, "k2")
    with database.engine.begin() as other:
        store.lane_locks(other, ["k1"])

        assert router(database).route(index).events == 1
        assert queued(sql) == [(free, True)]

    assert router(database).route(index).events == 1


def test_overlapping_transactions_are_read_again(database: Database, sql: Connection) -> None:
    """Neither saw the other's change, so both reports tell the contract as it is now, and the decisions say so."""
    insert_connector(sql)
    sql.execute("INSERT INTO contract VALUES ('k1', 'bu1', 'sent', %s)", [Jsonb({"title": "both", "amount": 2})])
    with database.connect() as one, database.connect() as other:
        insert_note(one, "k1", document={"title": "both", "amount": 1})
        insert_note(other, "k1", document={"title": "old", "amount": 2})
    alone = insert_note(sql, "k2", document={"title": "its own"})

    router(database).route(index)

    assert [b'"contract":{"title":"both","amount":2}' in body for body in bodies(sql)] == [True, True, False]
    assert [b'"status":"sent"' in body for body in bodies(sql)] == [True, True, False]
    rows = sql.execute("SELECT event_id = %s, reread FROM outbox.decision ORDER BY event_id", [alone]).fetchall()
    assert rows == [(False, True), (False, True), (True, False)]


def test_an_overlap_with_what_is_already_routed_is_read_again(database: Database, sql: Connection) -> None:
    """The one that commits later tells what both did, though the first is long sent."""
    insert_connector(sql)
    sql.execute("INSERT INTO contract VALUES ('k1', 'bu1', 'sent', %s)", [Jsonb({"title": "both"})])
    with database.connect() as late:
        insert_note(late, "k1", document={"title": "only mine"})
        insert_note(sql, "k1")
        assert router(database).route(index).events == 1

    assert router(database).route(index).events == 1

    assert sql.execute("SELECT reread FROM outbox.decision ORDER BY event_id").fetchall() == [(True,), (False,)]
    assert b'"title":"both"' in bodies(sql)[0]


def test_an_overlap_on_a_contract_that_is_gone_keeps_what_was_captured(database: Database, sql: Connection) -> None:
    """There is nothing to read again; the event's own document is still told."""
    insert_connector(sql)
    with database.connect() as one, database.connect() as other:
        insert_note(one, "k1", document={"title": "one"})
        insert_note(other, "k1", document={"title": "other"})

    router(database).route(index)

    assert [b'"one"' in bodies(sql)[0], b'"other"' in bodies(sql)[1]] == [True, True]
    assert sql.execute("SELECT DISTINCT reread FROM outbox.decision").fetchall() == [(False,)]


def test_a_report_over_the_limit_is_dead_and_blocks_nothing(database: Database, sql: Connection) -> None:
    """It is on record as an attempt `report` with its size; the contract's next event heads the lane."""
    insert_connector(sql)
    large = insert_note(sql, "k1", document={"title": "x" * 2000})
    small = insert_note(sql, "k1")

    router(database, max_bytes=1024).route(index)

    assert queued(sql) == [(small, True)]
    rows = sql.execute("SELECT event_id, number, outcome, settled, error FROM outbox.attempt").fetchall()
    assert [row[:4] for row in rows] == [(large, 1, "report", "dead")]
    assert "more than the 1,024 of report.max_bytes" in str(rows[0][4])


def test_a_document_that_cannot_be_read_is_dead_and_blocks_nothing(database: Database, sql: Connection) -> None:
    """PostgreSQL nests deeper than a JSON reader: that one report can't be built, its neighbours are."""
    insert_connector(sql)
    status_only = insert_connector(sql, "status", data="status")
    deep = insert_note(sql, "k1")
    rewrite(
        sql,
        "UPDATE outbox.event SET document = (repeat('{\"a\":', 2000) || '1' || repeat('}', 2000))::jsonb WHERE id = %s",
        [deep],
    )
    well = insert_note(sql, "k2")

    assert router(database).route(index).events == 2

    assert sql.execute("SELECT event_id, outcome, settled FROM outbox.attempt").fetchall() == [(deep, "report", "dead")]
    rows = sql.execute("SELECT event_id FROM outbox.queue WHERE connector_id = %s ORDER BY 1", [status_only]).fetchall()
    assert rows == [(deep,), (well,)]
    assert (well, True) in queued(sql)


def test_a_contract_that_fails_is_set_aside_and_stops_no_other(database: Database, sql: Connection) -> None:
    """The mapping fails for one of twenty: its notes wait, whole and in order, and the nineteen are routed."""
    insert_connector(sql)
    for n in range(20):
        insert_note(sql, f"k{n}", document={"company": "poison" if n == 7 else "sane"})
    sql.execute(
        "CREATE OR REPLACE FUNCTION outbox.read_company(ids text[])"
        " RETURNS TABLE (id text, business_unit text, name text, fields jsonb) LANGUAGE plpgsql AS"
        " $$ BEGIN IF 'poison' = ANY (ids) THEN RAISE division_by_zero; END IF; END $$"
    )
    one = router(database)

    assert one.route(index).events == 19
    assert one.route(index).events == 0
    assert sql.execute("SELECT contract_id FROM outbox.inbox").fetchall() == [("k7",)]

    create_source(sql)
    assert router(database).route(index).events == 1


def test_a_mapping_that_fails_for_every_contract_is_not_tried_for_each(database: Database, sql: Connection) -> None:
    """After a few that fail alike it stops and says why; a contract that can be routed is reached all the same."""
    insert_connector(sql)
    for n in range(3 * ALIKE):
        insert_note(sql, f"k{n:02}", document={"company": "sane" if n == 3 * ALIKE - 1 else "poison"})
    sql.execute("CREATE SEQUENCE asked")
    sql.execute(
        "CREATE OR REPLACE FUNCTION outbox.read_company(ids text[])"
        " RETURNS TABLE (id text, business_unit text, name text, fields jsonb) LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM nextval('asked'); IF 'poison' = ANY (ids) THEN RAISE division_by_zero; END IF; END $$"
    )
    one = router(database, most=2 * ALIKE)

    def tried() -> int | None:
        try:
            return one.route(index).events
        except RoutingStuckError:
            return None

    assert tried() is None
    assert notes(sql) == 3 * ALIKE
    assert sql.execute("SELECT last_value < 3 * %s FROM asked", [ALIKE]).fetchall() == [(True,)]

    assert [routed for routed in (tried(), tried(), tried()) if routed] == [1]
    assert notes(sql) == 3 * ALIKE - 1


@pytest.mark.parametrize(
    "lock",
    ["LOCK TABLE company IN ACCESS EXCLUSIVE MODE", "UPDATE outbox.connector SET updated_at = now()"],
    ids=["the application's table", "a connector's edit left open"],
)
def test_a_lock_is_not_waited_for_long(database: Database, sql: Connection, lock: str) -> None:
    """Routing gives up within a second and loses nothing; when the lock is gone it goes on."""
    insert_connector(sql)
    insert_note(sql, "k1", document={"company": "7"})
    one = router(database)
    with database.connect() as somebody:
        somebody.execute(lock.encode())
        with pytest.raises(DBAPIError, match="lock") as caught:
            one.route(index)
        assert has_to_wait(caught.value)
        assert notes(sql) == 1

    assert one.route(index).events == 1


@pytest.mark.parametrize("change", ["version = version + 1", "removed_at = now()"], ids=["edited", "removed"])
def test_a_connector_changed_meanwhile_is_looked_at_again(database: Database, sql: Connection, change: str) -> None:
    """A delivery is never made for a connector that is removed, nor by a version that is not the current one."""
    crm = insert_connector(sql)
    insert_note(sql, "k1")
    with pytest.raises(ConnectorsChangedError), database.engine.begin() as connection:  # noqa: PT012 (one batch)
        known = index(connection)
        sql.execute(b"UPDATE outbox.connector SET %s WHERE id = %%s" % change.encode(), [crm])
        route_contracts(connection, lambda _: known, ["k1"], max_bytes=10_000, worker="w1")

    assert (notes(sql), queued(sql), decisions(sql)) == (1, [], [])
    assert router(database).route(index).events == 1


def test_an_event_is_delivered_once_to_a_connector(database: Database, sql: Connection) -> None:
    """The delivery's key decides: routed and then backfilled, or backfilled twice, nothing is added."""
    crm = insert_connector(sql)
    insert_note(sql, "k1")
    with database.engine.begin() as connection:
        event = store.take_notes(connection, ["k1"])[0]
        new = store.NewDelivery(event, index(connection).by_id[crm], Report(b"first", "application/json"))
        again = replace(new, report=Report(b"other", "application/json"), kind="backfill")

        made = [store.insert_deliveries(connection, [one], worker="w1").new for one in (new, again, again)]

    assert made == [1, 0, 0]
    assert (bodies(sql), queued(sql)) == ([b"first"], [(event.id, True)])
