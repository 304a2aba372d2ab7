"""What the pages of contracts, of what was not sent and of expiry read beside 60,000 events, however it is planned."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, event

from outbox.access import Within
from outbox.insight import contract_search, contracts, expiring, not_sent
from outbox.insight.not_sent import Wanted
from outbox.migrations import migrate
from tests.conftest import Database
from tests.factories import connect, insert_connector
from tests.plans import TABLES, Plan, explain
from tests.postgres import Server

EVENTS = 60_000
LONG = 5_000
MOST_ROWS = 25_000
"""Of the 120,000 that stand, by one statement; a business unit's newest are looked for among 20,000."""
CROWD = """
  INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, changed, document)
  SELECT n, now() - (%(all)s - n) * interval '30 seconds', CAST(CAST(n AS text) AS xid8), '11:11:',
         CASE WHEN n %% 1000 = 0 THEN 'expired' ELSE 'update' END,
         CASE WHEN n > %(all)s - %(long)s THEN 'long' ELSE 'k' || n %% 10000 END, 'bu' || n %% 2,
         '{"amount": [1, 2]}', '{"title": "x"}'
  FROM generate_series(1, %(all)s) AS n;
  INSERT INTO outbox.decision (event_id, connector_id, connector_version, reason)
  SELECT e.id, CASE WHEN e.id %% 50 = 0 THEN NULL ELSE %(crm)s END, CASE WHEN e.id %% 50 = 0 THEN NULL ELSE 1 END,
         CASE WHEN e.id %% 50 = 0 THEN 'no_connector' WHEN e.id %% 3 = 0 THEN 'trigger_not_chosen' ELSE 'deliver' END
  FROM outbox.event AS e;
  SELECT setval('outbox.event_id', %(all)s)
"""
READS: dict[str, Callable[[Connection, Within], object]] = {
    "long": lambda reader, within: contracts.events(reader, "long", within=within),
    "story": lambda reader, within: contracts.events(reader, "k77", within=within),
    "outcomes": lambda reader, within: contracts.outcomes(reader, [77, 10_077, 20_077], within=within),
    "beside": lambda reader, within: contracts.beside(reader, "k77", within=within),
    "beginning": lambda reader, within: contract_search.beginning_with(reader, "k7", within=within, most=50),
    "recent": lambda reader, within: contract_search.recent(reader, within=within, most=50),
    "not sent": lambda reader, within: not_sent.look(reader, Wanted(), within=within),
    "not sent before": lambda reader, within: not_sent.look(reader, Wanted(before=30_000), within=within),
    "unsent events": lambda reader, within: not_sent.events(reader, [50, 100, 150], within=within),
    "raised": lambda reader, within: expiring.raised(reader, within=within),
}


@pytest.fixture(scope="module")
def crowd(server: Server) -> Iterator[Database]:
    """A long history of two units, one contract of it long."""
    database = Database(server, "insight")
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE insight")
    migrate(database.engine)
    with connect(database) as connection:
        crm = insert_connector(connection, "crm")
        psycopg.ClientCursor(connection).execute(CROWD, {"all": EVENTS, "long": LONG, "crm": crm})
        connection.execute("VACUUM ANALYZE")
    yield database
    database.dispose()
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute("DROP DATABASE insight WITH (FORCE)")


def plans_of(database: Database, read: Callable[[Connection], object], mode: str) -> list[Plan]:
    """The plan of each statement that the read comes to."""
    plans: list[Plan] = []

    def look(_: object, cursor: "psycopg.Cursor[Any]", statement: str, values: dict[str, Any], *_more: object) -> None:
        plans.append(explain(cursor.connection, statement, values, mode))

    event.listen(database.engine, "before_cursor_execute", look)
    try:
        with database.engine.connect() as connection:
            read(connection)
    finally:
        event.remove(database.engine, "before_cursor_execute", look)
    return plans


@pytest.mark.parametrize("name", READS)
def test_a_page_reads_what_it_shows(crowd: Database, name: str) -> None:
    """By index and bounded, for somebody limited and not, planned for its values and generically."""
    for within in (None, ("bu1",), ("nil",)):
        for mode in ("force_custom_plan", "force_generic_plan"):
            plans = plans_of(crowd, lambda reader, within=within: READS[name](reader, within), mode)  # type: ignore[misc]
            assert plans
            for plan in plans:
                assert plan.whole_tables <= {"event_id"}, (within, mode)  # the sequence, which has one row
                assert sum(plan.rows(table) for table in TABLES) <= MOST_ROWS, (within, mode)


def test_a_look_back_goes_on_until_nothing_is_left(crowd: Database) -> None:
    """Step by step every event that went to nobody is counted once, and the last step says that it was the last."""
    found, before = 0, None
    with crowd.engine.connect() as reader:
        while True:
            looked = not_sent.look(reader, Wanted(before=before), within=None)
            found += looked.events
            if looked.before is None:
                break
            before = looked.before

    assert found == sum(1 for n in range(1, EVENTS + 1) if n % 50 == 0 or n % 3 == 0)


def test_what_was_sent_is_skipped_in_one_step(crowd: Database) -> None:
    """Where nothing was decided against for long, a look finds what lies before all the same."""
    with crowd.engine.connect() as reader:
        looked = not_sent.look(reader, Wanted(before=2), within=None)
        assert (looked.groups, looked.before) == ((), None)
        jumped = not_sent.look(reader, Wanted(before=EVENTS * 1_000), within=None)
    assert jumped.newest()[0] == EVENTS
