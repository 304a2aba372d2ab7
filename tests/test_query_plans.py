"""The relay's statements beside 100,000 rows that are none of their business: by index, rows and pages bounded.

The statements are those that the store runs, with the values it binds, each planned both for its values and
generically, as the server does once it has prepared them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import Cursor
from sqlalchemy import Connection, event, text

from outbox import health, store
from outbox.breaker import Rules, Turn, tallies
from outbox.connectors import load_connectors
from outbox.embedded import binaries
from outbox.migrations import migrate
from outbox.model import Leased, Report
from outbox.resources import query
from outbox.secret_box import SecretBox
from tests.conftest import Database
from tests.factories import connect, insert_connector, insert_note
from tests.leases import attempt
from tests.plans import Plan, explain
from tests.postgres import DEFAULT_VERSION, Server

WAITING = 100_000
"""Deliveries of a held connector, older than everything else."""
LIVE = 2_000
"""Deliveries that are due at the connector that is asked for."""
BATCH = 100

CROWD = """
  INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, document)
  SELECT n, now(), '10', '11:11:', 'update', 'k' || n %% 5000, 'bu1', '{}' FROM generate_series(1, %(all)s) AS n;
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, content_type, body)
  SELECT n, CASE WHEN n <= %(waiting)s THEN %(off)s ELSE %(live)s END, 1, 'update', 'k' || n %% 5000,
         'application/json', '{}'
  FROM generate_series(1, %(all)s) AS n;
  INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
  SELECT CASE WHEN n <= %(waiting)s THEN %(off)s ELSE %(live)s END, n, 'k' || n %% 5000, true,
         now() - CASE WHEN n <= %(waiting)s THEN interval '1 day' ELSE interval '1 minute' END
  FROM generate_series(1, %(all)s) AS n;
  INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
  SELECT %(live)s, %(all)s + n, 'k' || (%(waiting)s + n) %% 5000, false, now() FROM generate_series(1, %(own)s) AS n;
  INSERT INTO outbox.attempt (event_id, connector_id, number, kind, started_at, outcome, worker)
  SELECT n, %(off)s, 1, 'auto', now(), 'http_error', 'w0' FROM generate_series(1, %(waiting)s) AS n;
  SELECT setval('outbox.event_id', 2 * %(all)s)
"""


@dataclass(frozen=True)
class Crowd:
    """A database with much in it."""

    database: Database
    live: int
    off: int


@pytest.fixture(scope="module", params=[16, 18])
def crowd(request: pytest.FixtureRequest, server: Server) -> Iterator[Crowd]:
    """A held connector with a long queue, and one whose deliveries are due; planners differ between versions."""
    with ExitStack() as opened:
        own = request.param != DEFAULT_VERSION
        running = opened.enter_context(Server(binaries(request.param))) if own else server
        database = Database(running, "crowd")
        with psycopg.connect(str(running.url(database="postgres")), autocommit=True) as admin:
            admin.execute("CREATE DATABASE crowd")
        migrate(database.engine)
        yield Crowd(database, *_fill(database))
        database.dispose()
        with psycopg.connect(str(running.url(database="postgres")), autocommit=True) as admin:
            admin.execute("DROP DATABASE crowd WITH (FORCE)")


def _fill(database: Database) -> tuple[int, int]:
    """Fills it, and returns the id of the connector that sends and of the one that doesn't."""
    with connect(database) as connection:
        off = insert_connector(connection, "off", held_reason="its receiver fails")
        live = insert_connector(connection, "live")
        numbers = {"all": WAITING + LIVE, "waiting": WAITING, "own": LIVE, "off": off, "live": live}
        psycopg.ClientCursor(connection).execute(CROWD, numbers)
        for n in range(300):
            insert_note(connection, f"k{n}")
        connection.execute("VACUUM ANALYZE")
    return live, off


def plan_of(crowd: Crowd, work: Callable[[Connection], object], opening: str, mode: str) -> Plan:
    """The plan of the statement with `opening` in its text, as `work` comes to it; nothing of all that stays."""
    plans: list[Plan] = []
    engine = crowd.database.engine

    def look(_: object, cursor: "Cursor[Any]", statement: str, values: dict[str, Any], *_more: object) -> None:
        if opening in statement:
            plans.append(explain(cursor.connection, statement, values, mode))

    event.listen(engine, "before_cursor_execute", look)
    try:
        with engine.connect() as connection:
            work(connection)
            connection.rollback()
    finally:
        event.remove(engine, "before_cursor_execute", look)
    assert len(plans) == 1
    return plans[0]


def _claim(crowd: Crowd, connection: Connection) -> list[Leased]:
    wants = [store.Want(crowd.live, BATCH, 30.0, None)]
    return store.claim(connection, wants, most=BATCH, token=1, worker="w1").leased


modes = pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])


@modes
def test_a_claim_looks_only_at_what_it_takes(crowd: Crowd, mode: str) -> None:
    """A hundred thousand older rows of a held connector are not even scanned."""
    plan = plan_of(crowd, lambda connection: _claim(crowd, connection), "WITH want AS", mode)

    assert plan.whole_tables == set()
    assert "queue_due" in plan.indexes
    assert plan.rows("queue") <= 3 * BATCH + 2
    assert plan.pages < 60 * BATCH


@modes
def test_a_probe_looks_at_one_row_of_all_that_is_held(crowd: Crowd, mode: str) -> None:
    """Neither winning it nor claiming it reads the hundred thousand that wait, nor does ending the hold."""

    def win(connection: Connection) -> None:
        assert health.win_probes(connection, {crowd.off: 30.0}) == [crowd.off]

    def claim(connection: Connection) -> None:
        wants = [store.Want(crowd.off, 1, 30.0, None), store.Want(crowd.live, BATCH, 30.0, None)]
        assert len(store.claim(connection, wants, most=BATCH, token=1, worker="w1").leased) == BATCH

    def answer(connection: Connection) -> None:
        [probe] = store.claim(connection, [store.Want(crowd.off, 1, 30.0, None)], most=1, token=1, worker="w1").leased
        rules = Rules(hold_after_failures=10, disable_after_days=5.0)
        [verdict] = health.record(connection, tallies([attempt(probe, probe=True)]), rules=rules)
        assert verdict.turn is Turn.ANSWERS

    won, claimed, ended = (
        plan_of(crowd, work, opening, mode)
        for work, opening in ((win, "WITH held AS"), (claim, "WITH want AS"), (answer, "WITH ended AS"))
    )

    for plan in (won, claimed, ended):
        assert "queue_due" in plan.indexes
        assert plan.whole_tables == set()
    assert won.rows("queue") <= 2
    assert ended.rows("queue") <= 2
    assert claimed.rows("queue") <= 3 * BATCH + 2
    assert claimed.pages < 60 * BATCH
    assert max(won.pages, ended.pages) < 200


@modes
def test_a_settle_looks_only_at_what_it_settles(crowd: Crowd, mode: str) -> None:
    """By primary key, whatever else is queued and however many attempts there are."""

    def work(connection: Connection) -> None:
        store.settle(connection, [attempt(one) for one in _claim(crowd, connection)], worker="w1")

    plan = plan_of(crowd, work, "WITH result AS", mode)

    assert plan.whole_tables == set()
    assert "queue_pkey" in plan.indexes
    assert plan.rows("queue") <= 4 * BATCH
    assert plan.pages < 60 * BATCH


@modes
def test_a_promotion_looks_only_at_the_heads(crowd: Crowd, mode: str) -> None:
    """The first row of each lane, by the lane's index."""

    def work(connection: Connection) -> None:
        store.settle(connection, [attempt(one) for one in _claim(crowd, connection)], worker="w1")

    plan = plan_of(crowd, work, "WITH lane AS", mode)

    assert plan.whole_tables == set()
    assert "queue_lane" in plan.indexes
    assert plan.rows("queue") <= 3 * BATCH
    assert plan.pages < 60 * BATCH


@modes
def test_the_oldest_notes_are_found_without_reading_all(crowd: Crowd, mode: str) -> None:
    """In id order, each with its event by key."""

    def work(connection: Connection) -> None:
        store.candidates(connection, most=BATCH, set_aside=["k0"])

    plan = plan_of(crowd, work, "outbox.inbox", mode)

    assert plan.whole_tables <= {"inbox"}
    assert plan.rows("event") <= 2 * BATCH
    assert plan.pages < 20 * BATCH


@modes
def test_taking_notes_reads_their_contracts_alone(crowd: Crowd, mode: str) -> None:
    """Notes by contract, events by key, and overlaps among the contract's newer transactions only."""

    def work(connection: Connection) -> None:
        store.take_notes(connection, [f"k{n}" for n in range(BATCH)])

    plan = plan_of(crowd, work, "WITH taken AS", mode)

    assert plan.whole_tables <= {"inbox"}
    assert plan.rows("event") <= 6 * BATCH
    assert plan.pages < 60 * BATCH


@modes
def test_new_deliveries_look_for_their_lanes_heads_alone(crowd: Crowd, mode: str) -> None:
    """One look into each lane, by its index."""

    def work(connection: Connection) -> None:
        connector = next(one for one in load_connectors(connection, SecretBox(())) if one.id == crowd.live)
        events = store.take_notes(connection, [f"k{n}" for n in range(BATCH)])
        report = Report(b"{}", "application/json")
        store.insert_deliveries(connection, [store.NewDelivery(one, connector, report) for one in events], worker="w1")

    plan = plan_of(crowd, work, "WITH planned AS", mode)

    assert plan.whole_tables == set()
    assert plan.rows("queue") <= 2 * BATCH
    assert plan.pages < 100 * BATCH


@pytest.mark.parametrize(
    ("name", "values", "table"),
    [("standing", {"alive_seconds": 10.0}, "inbox"), ("standing_connectors", {}, "queue")],
)
def test_how_the_outbox_stands_is_told_by_one_look_for_each(
    crowd: Crowd, name: str, values: dict[str, float], table: str
) -> None:
    """Ages come from the first entry of an index, one for each connector: a scrape reads nothing of all that waits."""
    explain = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query(name).text}")
    with crowd.database.engine.connect() as connection:
        plan = Plan.read(connection.execute(explain, values).scalar_one())

    assert plan.whole_tables == set()
    assert 0 < plan.rows(table) <= 2
    assert plan.pages < 200
