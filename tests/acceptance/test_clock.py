"""The system clock stepped, and workers whose clocks disagree: the database's clock decides."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import check_whole, daemon, ends_well, load, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note
from tests.postgres import find_tool
from tests.program import Program, program
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import wait_for

POLL_SECONDS = 0.3
SWIFT = {"RELAY_POLL_SECONDS": str(POLL_SECONDS), "RELAY_LEASE_MARGIN_SECONDS": "1", "RELAY_HEARTBEAT_SECONDS": "1"}
LIBRARY = "faketime/libfaketime.so.1"


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with; the source's functions stand."""
    with connect(database) as connection:
        create_source(connection)
        yield connection


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


class Clock:
    """The system clock of a program: the machine's, shifted. Its monotonic clock goes on, as Linux has it."""

    def __init__(self, file: Path, hours: float = 0) -> None:
        self._file = file
        self.step(hours)

    def step(self, hours: float) -> None:
        """Puts it so many hours beside the machine's, from one moment to the next."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{hours:+}h\n")
        beside.rename(self._file)

    def of(self, outbox: Program) -> Program:
        """The same command by this clock."""
        shifted = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return replace(outbox, environment={**outbox.environment, **shifted})


def _library() -> Path:
    """What `faketime` preloads."""
    found = sorted(Path(find_tool("faketime", "faketime")).parent.parent.glob(f"lib/*/{LIBRARY}"))
    assert found, f"{LIBRARY} is missing: install it with `apt-get install -y faketime`"
    return found[0]


@contextmanager
def shifted_daemon(outbox: Program, sql: Connection, clock: Clock) -> Iterator[None]:
    """A daemon by this clock; it ends well."""
    with daemon(clock.of(outbox), sql) as process:
        yield
        ends_well(process, seconds=30)


@pytest.mark.parametrize("hours", [-1, pytest.param(1, marks=pytest.mark.soak)])
def test_a_step_of_the_clock_neither_loses_nor_stalls(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path, hours: int
) -> None:
    """An hour back or forth under way: polls, retries and heartbeats go on as if nothing had been."""
    outbox = program(tmp_path, database.url, **SWIFT)
    insert_connector(sql, url=crm.url, schedule=[0.5], timeout_seconds=1.0)
    clock = Clock(tmp_path / "clock")
    crm.answer = lambda got: Answer(status=503 if got.headers["outbox-attempt"] == "1" else 200)
    with shifted_daemon(outbox, sql, clock):
        insert_note(sql, "k1")
        wait_for(lambda: len(crm.received) == 1)
        clock.step(hours)
        stepped = time.monotonic()
        wait_for(lambda: open_deliveries(sql) == 0)
        insert_note(sql, "k2")
        wait_for(lambda: open_deliveries(sql) == 0)
        took = time.monotonic() - stepped
        seen = _seen_at(sql)
        wait_for(lambda: _seen_at(sql) > seen)

    assert [got.headers["outbox-attempt"] for got in crm.received] == ["1", "2", "1", "2"]
    assert took < 2 * 0.55 + 4 * POLL_SECONDS + 2.0
    check_real_times(sql, crm)


def _seen_at(sql: Connection) -> datetime:
    seen = sql.execute("SELECT max(seen_at) FROM outbox.worker").fetchall()[0][0]
    assert isinstance(seen, datetime)
    return seen


@pytest.mark.soak
def test_two_workers_hours_apart_share_the_work(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """One an hour behind, one an hour before: both send, no lease is taken early, nothing twice, times real."""
    outbox = program(tmp_path, database.url, **SWIFT)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=1.0, max_in_flight=4, schedule=[0.2] * 9)
    crm.answer = _some_fail
    behind, before = Clock(tmp_path / "behind", -1), Clock(tmp_path / "before", 1)
    with shifted_daemon(outbox, sql, behind), shifted_daemon(outbox, sql, before):
        with load(database) as written:
            wait_for(lambda: len(written) > 150 and _senders(sql) == 2, seconds=60)
        wait_for(lambda: open_deliveries(sql) == 0, seconds=60)

    came = check_whole(sql, crm, connector, written)
    rows = sql.execute("SELECT outcome, count(*) FROM outbox.attempt GROUP BY 1").fetchall()
    assert {row[0] for row in rows} == {"ok", "http_error"}
    assert sum(int(str(row[1])) for row in rows) == sum(came.values())
    check_real_times(sql, crm)


def _senders(sql: Connection) -> int:
    """How many workers have delivered."""
    return int(
        str(sql.execute("SELECT count(DISTINCT worker) FROM outbox.attempt WHERE outcome = 'ok'").fetchall()[0][0])
    )


def _some_fail(got: Received) -> Answer:
    first = got.headers["outbox-attempt"] == "1"
    return Answer(status=500 if first and got.headers["webhook-id"].split("_")[1].endswith("7") else 200, seconds=0.02)


def check_real_times(sql: Connection, crm: Receiver) -> None:
    """What is on record, and what receivers are told, is the database's time."""
    now = datetime.now(UTC)
    for (started_at,) in sql.execute("SELECT started_at FROM outbox.attempt"):
        assert isinstance(started_at, datetime)
        assert abs(now - started_at) < timedelta(minutes=2)
    for got in crm.received:
        assert abs(now.timestamp() - int(got.headers["webhook-timestamp"])) < 120
