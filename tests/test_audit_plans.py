"""The views of outbox_audit beside 100,000 events of 400 days: by index, rows and pages bounded, on both planners.

Filters and facts are those that `make bench ONLY=audit` measures at ten million attempts.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from benchmarks.audit import KEPT, PARTS, VIEWS
from benchmarks.ground import UNITS, statement
from outbox.embedded import binaries
from outbox.figuring import count_figures
from outbox.insight.figures import read_latencies, read_outcomes, read_uncounted, read_volumes
from outbox.migrations import migrate
from outbox.resources import query
from outbox.stretches import Length
from tests.conftest import Database
from tests.factories import connect, insert_connector
from tests.plans import TABLES, Plan
from tests.postgres import DEFAULT_VERSION, Server

EVENTS = 100_000
CONTRACTS = EVENTS // 20
MOST_ROWS = EVENTS // 10
"""Far below what stands in the five tables, half a million rows."""

COUNTED = """
  INSERT INTO outbox.connector_day (connector_id, day, attempts, ok, failed, lost, late, delivered, dead, cancelled,
                                    delivery_ms, answer_ms)
  SELECT a.connector_id, a.day, a.attempts, a.ok, a.failed, a.lost, a.late, a.delivered, a.dead, a.cancelled,
         a.delivery_ms, a.answer_ms
  FROM outbox.attempt_day a
  WHERE a.day < current_date - 1
"""
MOST_PAGES = 10 * MOST_ROWS


@pytest.fixture(scope="module", params=[16, 18])
def history(request: pytest.FixtureRequest, server: Server) -> Iterator[Database]:
    """Facts of 400 days, their finished days counted."""
    with ExitStack() as opened:
        own = request.param != DEFAULT_VERSION
        running = opened.enter_context(Server(binaries(request.param))) if own else server
        database = Database(running, "history")
        with psycopg.connect(str(running.url(database="postgres")), autocommit=True) as admin:
            admin.execute("CREATE DATABASE history")
        migrate(database.engine)
        _fill(database)
        yield database
        database.dispose()
        with psycopg.connect(str(running.url(database="postgres")), autocommit=True) as admin:
            admin.execute("DROP DATABASE history WITH (FORCE)")


def _fill(database: Database) -> None:
    window = {"first": 1, "last": EVENTS, "all": EVENTS, "until": datetime.now(UTC), "kept": KEPT}
    with connect(database) as connection:
        for unit in range(1, UNITS + 2):
            insert_connector(connection, f"unit {unit}")
        for part in PARTS:
            connection.execute(statement(part), {**window, "contracts": CONTRACTS, "units": UNITS})
        connection.execute("VACUUM ANALYZE")
        connection.execute(COUNTED)
        connection.execute("ANALYZE outbox.connector_day")


def plan_of(database: Database, view: str, condition: str, columns: str = "*") -> Plan:
    """What a question to a view did."""
    question = f"SELECT {columns} FROM outbox_audit.{view} {condition}"  # noqa: S608 (both stand in a file of ours)
    with connect(database) as connection:
        connection.execute("SET jit = off")
        row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {question}".encode()).fetchone()
    assert row is not None
    explained: Any = row[0]
    return Plan.read(explained)


@pytest.mark.parametrize(
    ("view", "condition"), [(view, condition) for view, filters in VIEWS.items() for condition in filters]
)
def test_a_view_reads_what_its_filter_asks_for(history: Database, view: str, condition: str) -> None:
    """No fact table is read from end to end, nor most of one by an index."""
    plan = plan_of(history, view, condition)

    assert plan.whole_tables == set()
    assert sum(plan.rows(table) for table in TABLES) <= MOST_ROWS
    assert plan.pages <= MOST_PAGES


def test_a_filter_on_a_side_leaves_the_source_unread(history: Database) -> None:
    """Coverage of the outbox alone calls no function that reads contracts; that of the source reads no day's events."""
    outbox = plan_of(history, "coverage", "WHERE side = 'outbox' AND day = current_date")
    source = plan_of(history, "coverage", "WHERE side = 'source'")

    assert not any(node.get("Function Name") == "uncovered_contracts" for node in outbox.nodes)
    assert any(node.get("Function Name") == "uncovered_contracts" for node in source.nodes)
    assert source.rows("event") == 0


def test_figures_of_attempts_read_no_delivery(history: Database) -> None:
    """Nor a decision's reason its event: what a question does not ask for is not joined."""
    figures = plan_of(history, "attempts", "WHERE started_at > now() - interval '9 days'", "max(duration_ms)")
    reason = plan_of(history, "decisions", "WHERE event_id = 4711", "reason")

    assert figures.rows("attempt") > 0
    assert not any(str(node.get("Relation Name", "")).startswith("delivery") for node in figures.nodes)
    assert not any(str(node.get("Relation Name", "")).startswith("event") for node in reason.nodes)


def test_old_ranges_are_left_out_where_the_filter_is_on_event_ids(history: Database) -> None:
    """A page further back reads no newer range: partitions are pruned by event id."""
    for view in ("events", "deliveries", "attempts"):
        plan = plan_of(history, view, "WHERE event_id < 4711 ORDER BY event_id DESC LIMIT 5")
        read = {str(node["Relation Name"]) for node in plan.nodes if node.get("Relation Name", "").startswith(view[:5])}
        assert {name for name in read if name.rsplit("_", 1)[1] not in ("0", "default")} == set(), view


def test_the_dashboard_reads_figures_and_of_the_facts_what_is_not_counted(history: Database) -> None:
    """Neither looking nor counting reads attempts of other times, though there are a hundred thousand."""
    with connect(history) as connection:
        connection.execute(
            "UPDATE outbox.counted SET until = date_trunc('hour', now()) - interval '12 hours' WHERE minutes < 1440"
        )
        connection.execute("UPDATE outbox.counted SET until = date_trunc('day', now()) WHERE minutes = 1440")
    counting = _plans(history, "count_attempts", lambda: count_figures(history.engine, chore="plans", seconds=0.001))
    looking = _plans(history, "count_attempts", lambda: _look(history))
    looking += _plans(history, "FROM unnest", lambda: _look(history))
    with connect(history) as connection:
        connection.execute("SET jit = off")
        question = "SELECT * FROM outbox.figured_attempt WHERE started_at >= now() - interval '12 hours'"
        asked: Any = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {question}".encode()).fetchall()
    facts = Plan.read(asked[0][0])

    assert len(counting) > 5
    assert len(looking) > 3
    assert 0 < facts.rows("attempt") <= EVENTS / 400
    for plan in (*counting, *looking, facts):
        assert plan.whole_tables == set()
        assert plan.pages <= EVENTS / 40


def _look(history: Database) -> None:
    with history.engine.connect() as connection:
        connection.execute(query("dashboard_limits"))
        for within in (None, ("5",)):
            marks = read_uncounted(connection, within=within).marks
            since = Length.HOUR.floor(marks.at - timedelta(days=1))
            read_outcomes(connection, marks=marks, since=since, column=Length.HOUR, within=within)
            read_volumes(connection, marks=marks, since=since, longest=Length.HOUR, within=within)
            step = timedelta(hours=1)
            read_latencies(connection, marks=marks, since=since, step=step, longest=Length.HOUR, within=within)


def _plans(history: Database, opening: str, work: Callable[[], object]) -> list[Plan]:
    """The plans of the statements with `opening` in their text, as `work` comes to them."""
    plans: list[Plan] = []

    def look(_: object, cursor: "psycopg.Cursor[Any]", statement: str, values: dict[str, Any], *_more: object) -> None:
        if opening in statement and not statement.lstrip("-").startswith("EXPLAIN"):
            with cursor.connection.cursor() as asking, cursor.connection.transaction(force_rollback=True):
                explained = asking.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}".encode(), values)
                plans.append(Plan.read(explained.fetchall()[0][0]))

    event.listen(history.engine, "before_cursor_execute", look)
    try:
        work()
    finally:
        event.remove(history.engine, "before_cursor_execute", look)
    return plans
