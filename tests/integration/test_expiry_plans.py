"""What a scan touches among many deadlines that passed and were raised: the last hour's, by the index, of any type."""

from typing import Any

import pytest

from tests.conftest import Database
from tests.expiries import scan
from tests.sources import Source

MANY = 20_000
"""Half of them past and raised, ten minutes from one to the next."""

KINDS = {"timestamptz": "x", "timestamp": "x AT TIME ZONE 'UTC'", "date": "CAST(x AT TIME ZONE 'UTC' AS date)"}


def crowded(database: Database, kind: str) -> Source:
    """The application with an index on its deadlines, each scanned at its time."""
    source = Source(database)
    source.run(
        f"ALTER TABLE contract ALTER expires_at TYPE {kind} USING NULL",
        "CREATE INDEX contract_deadline ON contract (expires_at)",
        "INSERT INTO contract (id, expires_at)"  # noqa: S608 (ours)
        f" SELECT n, {KINDS[kind]} FROM generate_series(1, {MANY}) n"
        f" CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) + ({MANY / 2} - n) * interval '10 minutes') AS t (x)",
    )
    zone = {} if kind == "timestamptz" else {"time_zone": "UTC"}
    source.install(expired={"open": "status IN ('draft', 'sent')", "since": "2000-01-01T00:00:00Z", **zone})
    return source


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_reads_what_is_new(database: Database, kind: str) -> None:
    """No table is read whole, and the pages touched are those of two days at most, not of all there are."""
    source = crowded(database, kind)
    assert (scan(source, batch=10_000).raised or 0) >= MANY // 2 - 200
    with database.connect(autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE contract, outbox.expiry")
        row = connection.execute("SELECT mapping -> 'installed' ->> 'expiring' FROM outbox.source").fetchone()
        assert row is not None
        connection.execute("SET plan_cache_mode = force_custom_plan")
        connection.execute(f"PREPARE scan (timestamptz, timestamptz, integer) AS {row[0]}".encode())
        asked = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE scan (now() - interval '1 hour', now(), 500)"
        found: Any = connection.execute(asked.encode()).fetchall()[0][0]
    plan = found[0]["Plan"]
    nodes = list(walk(plan))
    assert [one["Relation Name"] for one in nodes if one["Node Type"] == "Seq Scan" and one["Actual Rows"]] == []
    assert {one.get("Index Name") for one in nodes} >= {"contract_deadline", "expiry_pkey"}
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 2_500


def test_equal_deadlines_are_looked_up_one_by_one(database: Database) -> None:
    """By the whole key of what was raised, before that is analyzed too: by the deadline alone each would meet each."""
    source = Source(database)
    source.run(
        "SET session_replication_role = replica",
        "ALTER TABLE outbox.expiry SET (autovacuum_enabled = off)",
        "CREATE INDEX contract_deadline ON contract (expires_at)",
        f"INSERT INTO contract (id, expires_at) SELECT n, '2026-01-01' FROM generate_series(1, {MANY}) n",  # noqa: S608 (ours)
        "ANALYZE contract",
    )
    source.install(expired={"open": "status IN ('draft', 'sent')", "since": "2000-01-01T00:00:00Z"})
    source.run(
        "INSERT INTO outbox.expiry (contract_id, subject, deadline, event_id)"  # noqa: S608 (ours)
        f" SELECT n, '', '2026-01-01', n FROM generate_series(1, {MANY // 2}) n"
    )
    with database.connect(autocommit=True) as connection:
        row = connection.execute("SELECT mapping -> 'installed' ->> 'expiring' FROM outbox.source").fetchone()
        assert row is not None
        connection.execute(f"PREPARE scan (timestamptz, timestamptz, integer) AS {row[0]}".encode())
        found: Any = connection.execute("EXPLAIN (FORMAT JSON) EXECUTE scan ('2025-01-01', now(), 500)").fetchone()
    (probe,) = [one for one in walk(found[0][0]["Plan"]) if one.get("Relation Name") == "expiry"]
    assert probe["Index Name"] == "expiry_pkey"
    assert "contract_id" in probe["Index Cond"]


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Every node of a plan."""
    return [node, *(one for inner in node.get("Plans", ()) for one in walk(inner))]
