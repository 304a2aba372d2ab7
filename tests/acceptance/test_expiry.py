"""`expired` from a deadline that passes, though nothing is written then, to the receiver: by daemons of their own."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import daemon, ends_well
from tests.expiries import expiring, since
from tests.factories import Connection, connect, insert_connector
from tests.program import program
from tests.receiver import Receiver, receiver
from tests.relays import wait_for
from tests.sources import Source


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


@pytest.fixture
def source(database: Database, sql: Connection, crm: Receiver) -> Source:
    """An application whose contracts were installed long ago, and a connector that hears of all of them."""
    made = expiring(database)
    since(made)
    insert_connector(sql, url=crm.url, business_units=["1"], triggers=["update", "expired"])
    return made


def reports(crm: Receiver, trigger: str) -> list[tuple[str, str]]:
    """Contract and moment of each report of this trigger, as they came."""
    written = [json.loads(got.body) for got in list(crm.received)]
    return [(one["contract_id"], one["occurred_at"]) for one in written if one["trigger"] == trigger]


def insert(source: Source, first: int, last: int, deadline: str) -> None:
    """Contracts that capture doesn't hear of, by an expression over n."""
    source.run(
        "SET session_replication_role = replica",
        f"INSERT INTO contract (id, expires_at) SELECT n, {deadline} FROM generate_series({first}, {last}) n",  # noqa: S608 (ours)
    )


def deadlines(source: Source) -> set[tuple[str, str]]:
    """Every contract with its deadline, as reports write it."""
    written = """to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return {(str(row[0]), str(row[1])) for row in source.rows(f"SELECT id::text, {written} FROM contract")}  # noqa: S608 (ours)


def test_each_once_and_in_time_by_several_hosts(
    source: Source, database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """What passed while nothing ran comes at once, what passes now at its moment, by plan and not at the interval."""
    outbox = program(tmp_path, database.url, EXPIRY_SCAN_SECONDS="3600", EXPIRY_BATCH="20")
    insert(source, 1, 60, "now() - make_interval(hours => n)")
    insert(source, 61, 80, "now() + make_interval(secs => 4 + (n - 60) / 10.0)")
    with daemon(outbox, sql) as one, daemon(outbox, sql) as other:
        wait_for(lambda: len(reports(crm, "expired")) >= 80, seconds=50)
        for process in (one, other):
            ends_well(process, seconds=20)
    assert Counter(reports(crm, "expired")) == Counter(deadlines(source))
    assert sql.execute("SELECT count(*) FROM outbox.event WHERE trigger = 'expired'").fetchall() == [(80,)]


def test_many_at_once_hold_back_no_other_work(
    source: Source, database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """A change of another contract, made while they are being raised, doesn't wait behind all of them."""
    outbox = program(tmp_path, database.url, EXPIRY_BATCH="20")
    insert(source, 1, 500, "now() - interval '1 hour'")
    insert(source, 2001, 2001, "now() + interval '1 year'")
    with daemon(outbox, sql):
        wait_for(lambda: len(reports(crm, "expired")) > 0)
        source.run("UPDATE contract SET title = 'changed' WHERE id = 2001")
        wait_for(lambda: len(reports(crm, "update")) == 1, seconds=60)
        before = len(reports(crm, "expired"))
        wait_for(lambda: len(reports(crm, "expired")) == 500, seconds=100)
    assert before < 500


def test_a_scan_that_keeps_failing(source: Source, database: Database, sql: Connection, tmp_path: Path) -> None:
    """Is tried again at its interval, and told as the job `expiry` each time."""
    outbox = program(tmp_path, database.url, EXPIRY_SCAN_SECONDS="1", LOG_FORMAT="json")
    source.run("ALTER TABLE contract RENAME expires_at TO ends_at")

    def failed() -> list[str]:
        lines = [json.loads(line) for line in (tmp_path / "outbox.log").read_text().splitlines()]
        return [line["job"] for line in lines if line["event"] == "job_failed"]

    with daemon(outbox, sql):
        wait_for(lambda: failed().count("expiry") >= 3)
    assert "expiry again" not in failed()


def test_once_raises_too(source: Source, database: Database, crm: Receiver, tmp_path: Path) -> None:
    """`outbox run --once`, as a timer starts it, looks for deadlines whenever it runs, and reports what it raised."""
    outbox = program(tmp_path, database.url)
    source.run("UPDATE outbox.expiry_scan SET due_at = now() + interval '1 minute'")
    insert(source, 1, 1, "now() - interval '10 minutes'")
    outbox("run", "--once")
    assert set(reports(crm, "expired")) == deadlines(source)
