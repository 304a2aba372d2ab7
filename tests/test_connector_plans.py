"""The pages of connectors beside 20,000 events, 500 connectors and a long queue: by index, rows and pages bounded."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Cursor
from sqlalchemy import Connection, event

from benchmarks.audit import PARTS
from benchmarks.ground import UNITS, statement
from outbox.access import Within
from outbox.insight import connector_page, connectors
from outbox.insight.connector_page import STRETCHES
from outbox.insight.connectors import Wanted
from outbox.migrations import migrate
from tests.conftest import Database
from tests.factories import connect, insert_connector
from tests.plans import TABLES, Plan
from tests.postgres import Server

EVENTS = 20_000
WAITING = 15_000
CONNECTORS = 500
SINCE = datetime.now(UTC) - timedelta(days=7)
QUEUED = """
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, business_unit,
                               content_type, body)
  SELECT e.id, %(held)s, 1, e.trigger, e.contract_id, e.business_unit, 'application/json', '{}'
  FROM outbox.event AS e
  WHERE e.id <= %(waiting)s;
  INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
  SELECT %(held)s, e.id, e.contract_id, row_number() OVER (PARTITION BY e.contract_id ORDER BY e.id) = 1, now()
  FROM outbox.event AS e WHERE e.id <= %(waiting)s
"""


@pytest.fixture(scope="module")
def history(server: Server) -> Iterator[Database]:
    """400 days of events; one connector for each unit that sends, one with a long queue, and many that do nothing."""
    database = Database(server, "connectors")
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE connectors")
    migrate(database.engine)
    window = {"first": 1, "last": EVENTS, "all": EVENTS, "until": datetime.now(UTC), "kept": "400 days"}
    with connect(database) as connection:
        ids = [insert_connector(connection, f"n{n}", business_units=[str(1 + n % UNITS)]) for n in range(CONNECTORS)]
        for part in PARTS:
            connection.execute(statement(part), {**window, "contracts": EVENTS // 20, "units": UNITS})
        psycopg.ClientCursor(connection).execute(QUEUED, {"held": ids[-1], "waiting": WAITING})
        connection.execute("VACUUM ANALYZE")
    yield database
    database.dispose()
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute("DROP DATABASE connectors WITH (FORCE)")


def plans_of(database: Database, ask: Callable[[Connection], object]) -> list[Plan]:
    """What the statements of a question did."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def look(_: object, _cursor: "Cursor[Any]", written: str, values: dict[str, Any], *_more: object) -> None:
        asked.append((written, values))

    event.listen(database.engine, "before_cursor_execute", look)
    try:
        with database.engine.connect() as connection:
            ask(connection)
    finally:
        event.remove(database.engine, "before_cursor_execute", look)
    plans = []
    with connect(database) as explaining:
        explaining.execute("SET jit = off")
        for written, values in asked:
            row = explaining.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {written}".encode(), values).fetchone()
            assert row is not None
            explained: Any = row[0]
            plans.append(Plan.read(explained))
    return plans


QUESTIONS: dict[str, tuple[Callable[[Connection, Within], object], int]] = {
    "list": (lambda connection, within: connectors.listing(connection, Wanted(), within=within), 0),
    "figures": (lambda connection, within: connectors.figures(connection, range(1, 51), within=within), 3_000),
    "figures of a long queue": (
        lambda connection, within: connectors.figures(connection, [CONNECTORS], within=within),
        2 * 1_001 + 300,
    ),
    "course": (lambda c, within: connector_page.course(c, 5, STRETCHES["7d"], within=within), 500),
    "faults": (lambda c, within: connector_page.faults(c, 5, SINCE, within=within), 100),
    "recent": (lambda c, within: connector_page.recent(c, 5, within=within), 2_000),
    "recent of a long queue": (lambda c, within: connector_page.recent(c, CONNECTORS, within=within), 6_000),
    "upcoming": (lambda c, within: connector_page.upcoming(c, CONNECTORS, within=within), 12_000),
}
"""Each with the rows of facts and of the queue that it may read: none of them all that there are."""


@pytest.mark.parametrize("within", [None, ("5",)], ids=["unlimited", "limited"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_page_reads_what_it_shows(history: Database, name: str, within: Within) -> None:
    """No fact table is read from end to end, nor most of the queue, whoever looks."""
    ask, most = QUESTIONS[name]

    plans = plans_of(history, lambda connection: ask(connection, within))

    for plan in plans:
        assert plan.whole_tables == set()
        assert sum(plan.rows(table) for table in TABLES) <= most, plan.indexes


def test_what_waits_is_counted_up_to_a_bound(history: Database) -> None:
    """A queue of a million is told as more than ten thousand, and a unit's share of it by look-ups alone."""
    for within, most in ((None, 10_002), (("5",), 2 * 10_002)):
        with history.engine.connect() as connection:
            found = connector_page.standing(connection, CONNECTORS, within=None)
        assert found is not None
        one = found.connector

        [plan] = plans_of(history, lambda c: connector_page.open_deliveries(c, one, within=within))  # noqa: B023

        assert sum(plan.rows(table) for table in TABLES) <= most
        assert plan.whole_tables == set()
