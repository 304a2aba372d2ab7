"""Plans of the questions beside 100,000 events that are none of their business: they start from indexes.

The statements are those that the command runs, with the values that it binds.
"""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event

from outbox.cli import run
from outbox.migrations import migrate
from tests.conftest import Database
from tests.factories import connect, create_source, insert_connector
from tests.postgres import Server

EVENTS = 100_000
FACTS = ("event", "decision", "delivery", "attempt", "replay")
CROWD = """
  INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, document)
  SELECT n, now() - (%(all)s - n) * interval '30 seconds', CAST(CAST(n AS text) AS xid8), '11:11:', 'update',
         'k' || n %% 20000, 'bu1', jsonb_build_object('title', repeat('t', 200))
  FROM generate_series(1, %(all)s) AS n;
  INSERT INTO outbox.decision (event_id, connector_id, connector_version, reason, decided_at)
  SELECT e.id, CASE WHEN e.id %% 100 = 0 THEN %(small)s ELSE %(big)s END, 1, 'deliver', e.occurred_at
  FROM outbox.event e;
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, content_type, body,
                               created_at)
  SELECT n.event_id, n.connector_id, 1, 'update', 'k' || n.event_id %% 20000, 'application/json',
         convert_to(repeat('b', 300), 'UTF8'), n.decided_at
  FROM outbox.decision n;
  INSERT INTO outbox.attempt (event_id, connector_id, number, kind, started_at, duration_ms, outcome, worker, settled)
  SELECT d.event_id, d.connector_id, 1, 'auto', d.created_at, 12,
         CASE WHEN d.event_id %% 5000 = 0 THEN 'timeout' ELSE 'ok' END, 'w0',
         CASE WHEN d.event_id %% 5000 = 0 THEN 'dead' ELSE 'delivered' END
  FROM outbox.delivery d WHERE d.event_id %% 5000 <> 100;
  INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
  SELECT d.connector_id, d.event_id, d.contract_id, true, now() FROM outbox.delivery d WHERE d.event_id %% 5000 = 100;
  SELECT setval('outbox.event_id', %(all)s + 1)
"""


@pytest.fixture(scope="module")
def crowd(server: Server) -> Iterator[Database]:
    """A database with a long history, most of it of a connector that nobody asks for."""
    database = Database(server, "questions")
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE questions")
    migrate(database.engine)
    with connect(database) as connection:
        create_source(connection)
        connection.execute("CREATE INDEX ON public.contract (id)")
        both = {name: insert_connector(connection, name) for name in ("big", "small")}
        psycopg.ClientCursor(connection).execute(CROWD, {"all": EVENTS, **both})
        connection.execute("VACUUM ANALYZE")
    yield database
    database.dispose()
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute("DROP DATABASE questions WITH (FORCE)")


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield node
    for inner in node.get("Plans", ()):
        yield from nodes(inner)


def read_whole(database: Database, statement: str, values: dict[str, Any]) -> set[str]:
    """The facts that a statement reads from end to end; partitions without a row may be read as they like."""
    with connect(database) as connection:
        row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), values or None).fetchone()
    assert row is not None
    plan: Any = row[0]
    return {
        str(node["Relation Name"])
        for node in nodes(plan[0]["Plan"])
        if node["Node Type"] == "Seq Scan"
        and str(node["Relation Name"]).split("_")[0] in FACTS
        and node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > 0
    }


@pytest.mark.parametrize(
    ("question", "least"),
    [
        ("never-confirmed --connector small", 1),
        ("never-confirmed --connector small --since 1d", 1),
        ("slowest-receivers --since 12h", 1),
        ("contract-story --contract k100", 1),
        ("why-not --event 200 --connector small", 1),
        ("why-not --event 200 --connector big", 1),
        ("differs --connector small --contract k100", 4),
        ("would-have-sent --connector small --since 12h", 4),
        ("would-have-sent --connector small --since 12h --all", 4),
        ("proof --connector small --contract k100", 4),
        ("proof --connector small --event 200", 4),
    ],
)
def test_questions_start_from_indexes(
    crowd: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str, least: int
) -> None:
    """No statement of a question about little reads a table of facts from end to end, whoever asks."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", crowd.url)
    asked: list[tuple[str, dict[str, Any]]] = []

    def look(_one: object, _cursor: object, statement: str, values: dict[str, Any], *_more: object) -> None:
        if any(f"outbox.{fact}" in statement for fact in FACTS) or "outbox_audit" in statement:
            asked.append((statement, dict(values)))

    event.listen(Engine, "before_cursor_execute", look)
    try:
        with redirect_stdout(io.StringIO()):
            code = run(["--config", str(tmp_path), "ask", *question.split()])
    finally:
        event.remove(Engine, "before_cursor_execute", look)

    assert code == 0
    assert len(asked) >= least
    limited = [(statement, {**values, "within": ["bu1"]}) for statement, values in asked if "within" in values]
    asked += limited
    assert {statement: whole for statement, values in asked if (whole := read_whole(crowd, statement, values))} == {}
