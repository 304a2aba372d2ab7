"""`outbox doctor` on expiry: whether a scan reads an index, which one is missing, when it last ran."""

from typing import Any

import pytest

from outbox.doctor import Finding, Level, examine
from outbox.settings import Settings
from outbox.standing import read_standing
from outbox.troubles import look
from tests.conftest import Database
from tests.expiries import expiring, scan
from tests.sources import Source

MANY = (
    "INSERT INTO contract (id, expires_at) SELECT n, now() + make_interval(hours => n) FROM generate_series(1, 12000) n"
)
ZONELESS = "SELECT id AS contract_id, unit_id AS business_unit, status, %s AS expires_at FROM contract AS k"


def found(database: Database) -> list[Finding]:
    """What the doctor finds of expiry."""
    return [one for one in examine(database.engine, Settings()) if one.name == "expiry"]


def crowded(database: Database, expired: dict[str, Any] | None = None, **mapping: Any) -> Source:
    """More contracts than a scan should read one by one."""
    source = expiring(database, expired, **mapping)
    source.run("SET session_replication_role = replica", MANY)
    source.run("ANALYZE contract")
    return source


def test_without_an_index(database: Database) -> None:
    """A scan that reads all contracts is a warning that says the DDL; with it the doctor names the index."""
    source = crowded(database)
    looked, plan = found(database)
    assert looked.words == "deadlines were not looked for since install"
    assert (plan.level, plan.words) == (Level.WARNING, "each scan reads all of public.contract, without an index")
    assert plan.mend == "CREATE INDEX CONCURRENTLY ON public.contract (expires_at)"
    planned = source.install(expired={"open": "status = 'sent'"})
    assert f"expired: each scan reads all of public.contract; {plan.mend}" in planned.inspected.warnings
    with database.connect(autocommit=True) as connection:
        connection.execute(plan.mend.encode())
    looked, plan = found(database)
    assert plan.level is Level.OK
    assert plan.words.startswith("a scan reads by contract_expires_at_idx")


@pytest.mark.parametrize(
    ("expression", "index"),
    [
        ("expires_at AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin'", "AT TIME ZONE 'Europe/Berlin'"),
        ("expires_at AT TIME ZONE 'Europe/Berlin'", "Europe/Berlin"),
        ("CAST(expires_at AT TIME ZONE 'UTC' AS date)", "::date"),
    ],
)
def test_the_index_on_an_expression(database: Database, expression: str, index: str) -> None:
    """Where the query reckons expires_at, the DDL has the expression, and a scan then uses it."""
    mapping = {"contract": {"query": ZONELESS % f"({expression})"}, "company": None}
    crowded(database, {"open": "true", "time_zone": "Asia/Tokyo"}, **mapping)
    mend = found(database)[1].mend
    assert mend is not None
    assert index in mend
    with database.connect(autocommit=True) as connection:
        connection.execute(mend.encode())
        connection.execute("ANALYZE contract")
    assert found(database)[1].level is Level.OK


def test_the_index_of_a_partitioned_table(database: Database) -> None:
    """PostgreSQL makes it concurrently on each partition alone, so that is what is said."""
    source = Source(database)
    source.run(
        "CREATE TABLE deal (id bigint, at date, status text, ends timestamptz, PRIMARY KEY (id, at))"
        " PARTITION BY RANGE (at)",
        "CREATE TABLE deal_1 PARTITION OF deal FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "CREATE TABLE deal_2 PARTITION OF deal FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO deal SELECT n, date '2025-06-01' + n % 400, 'x', now() + make_interval(hours => n)"
        " FROM generate_series(1, 40000) n",
    )
    query = "SELECT id AS contract_id, 1 AS business_unit, status, ends AS expires_at FROM deal"
    source.run("ANALYZE deal")
    source.install(
        contract={"query": query},
        company=None,
        capture=[{"trigger": "create", "table": "deal", "on": "insert", "contract": "new.id"}],
        expired={"open": "true"},
    )
    plan = found(database)[1]
    assert plan.mend == "on each partition of public.deal: CREATE INDEX CONCURRENTLY ON ... (ends)"


def test_a_query_of_ones_own_that_reads_all(database: Database) -> None:
    """What would help is for its author to say."""
    crowded(database, {"query": "SELECT id AS contract_id, expires_at FROM contract WHERE expires_at <= :now"})
    plan = found(database)[1]
    assert plan.level is Level.WARNING
    assert plan.mend == "let [expired] query compare a column that has an index with :now"


@pytest.mark.parametrize(
    ("ago", "level"), [("90 seconds", Level.OK), ("5 minutes", Level.WARNING), ("1 hour", Level.FAULT)]
)
def test_a_scan_that_does_not_come(database: Database, ago: str, level: Level) -> None:
    """Alarms by when one last ended, however far ahead failing claims put the next."""
    source = expiring(database)
    scan(source)
    source.run(f"UPDATE outbox.expiry_scan SET ended_at = now() - interval '{ago}', due_at = now() + interval '60 s'")  # noqa: S608 (ours)
    looked = found(database)[0]
    assert looked.level is level
    assert "deadlines were last looked for" in looked.words


def test_a_scan_that_never_came(database: Database) -> None:
    """Is late from the install on; one that a live worker is at is not, one whose worker fell silent is."""
    source = expiring(database)
    source.run("UPDATE outbox.source SET installed_at = now() - interval '1 hour'")
    assert found(database)[0].level is Level.FAULT
    source.run(
        "UPDATE outbox.expiry_scan SET worker = 'w1', due_at = now() + interval '10 minutes'",
        "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('w1', 'h', 1, '0', 'curl')",
    )
    assert found(database)[0].level is Level.OK
    source.run("UPDATE outbox.worker SET seen_at = now() - interval '1 minute'")
    assert found(database)[0].level is Level.FAULT


@pytest.mark.parametrize(("ago", "there"), [("5 minutes", False), ("10 minutes", True)])
def test_the_alert_and_the_gauge(database: Database, ago: str, there: bool) -> None:  # noqa: FBT001 (a case)
    """A scan that ended long ago is an alert, and its time is what Prometheus is told of the chore `expiry`."""
    source = expiring(database)
    with database.engine.begin() as connection:
        assert set(read_standing(connection, heartbeat_seconds=1).chores) == {"expiry"}
    source.run(f"UPDATE outbox.expiry_scan SET ended_at = now() - interval '{ago}'")  # noqa: S608 (ours)
    with database.engine.begin() as connection:
        stands = read_standing(connection, heartbeat_seconds=1)
        seen = look(connection, Settings())
    (row,) = source.rows("SELECT CAST(extract(epoch FROM ended_at) AS double precision) FROM outbox.expiry_scan")
    assert stands.chores["expiry"] == row[0]
    assert ("expiry_late" in {one.rule for one in seen.troubles}) is there


def test_a_zone_that_nobody_knows(database: Database) -> None:
    """A business unit's mistyped zone is named: the mapping's stands for it."""
    source = Source(database)
    source.run(
        "ALTER TABLE unit ADD zone text", "UPDATE unit SET zone = CASE id WHEN 2 THEN 'Europe/Belrin' ELSE 'UTC' END"
    )
    source.run("ALTER TABLE contract ALTER expires_at TYPE date")
    units = {"query": "SELECT id AS business_unit, name, zone AS time_zone FROM unit"}
    source.install(business_unit=units, expired={"open": "true", "time_zone": "UTC"})
    assert [one.words for one in found(database) if one.level is Level.WARNING] == [
        "business unit 2: its time_zone is none that PostgreSQL knows"
    ]


def test_no_expired_is_well(database: Database) -> None:
    """A mapping without [expired], and none at all, are nobody's fault."""
    assert [one.level for one in found(database)] == [Level.OK]
    Source(database).install()
    assert [one.words for one in found(database)] == ["the mapping has no [expired]: nothing is looked for"]


def test_an_install_of_an_older_version(database: Database) -> None:
    """An upgrade that was not followed by an install is told."""
    source = expiring(database)
    source.run("UPDATE outbox.source SET mapping = mapping #- '{installed,expiring}'")
    assert [one.level for one in found(database)] == [Level.FAULT]


def test_a_scan_that_the_application_broke(database: Database) -> None:
    """A column that its own migration took away is a fault of capture and of the scan, and named."""
    source = expiring(database)
    source.run("ALTER TABLE contract RENAME expires_at TO ends_at")
    assert any(one.level is Level.FAULT and "expires_at" in one.words for one in found(database))
