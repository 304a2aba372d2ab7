"""Limits, rates and holds over three real workers: the receiver counts."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import HURRY, ends_well, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note, insert_open
from tests.program import Program, program
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import numbers, wait_for


class Count:
    """How many requests a receiver had at once, at most, and when each came."""

    def __init__(self, seconds: float) -> None:
        self.most = 0
        self.came: list[float] = []
        self._seconds = seconds
        self._at_once = 0
        self._lock = threading.Lock()

    def __call__(self, _: Received) -> Answer:
        """Counts, takes its time, and answers."""
        with self._lock:
            self._at_once += 1
            self.most = max(self.most, self._at_once)
            self.came.append(time.monotonic())
        time.sleep(self._seconds)
        with self._lock:
            self._at_once -= 1
        return Answer()


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


@pytest.fixture
def outbox(database: Database, tmp_path: Path) -> Program:
    """The command, with short polls, leases and shares."""
    return program(tmp_path, database.url, **HURRY)


@contextmanager
def workers(outbox: Program, sql: Connection, count: int = 3) -> Iterator[list["subprocess.Popen[str]"]]:
    """Daemons that share the limits; killed at the end where they still run."""
    running = [outbox.start("run") for _ in range(count)]
    try:
        wait_for(lambda: sharing(sql) == count, seconds=30)
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def sharing(sql: Connection) -> object:
    """How many workers have a share."""
    return sql.execute("SELECT count(DISTINCT worker) FROM outbox.share").fetchall()[0][0]


def write(sql: Connection, count: int) -> None:
    """Events on as many contracts."""
    for n in range(count):
        insert_note(sql, f"k{n}")


@pytest.mark.slow
def test_three_workers_keep_one_limit_while_they_start_stop_and_die(
    outbox: Program, sql: Connection, crm: Receiver
) -> None:
    """Never more than seven at once at the receiver, and more than one worker's part."""
    insert_connector(sql, url=crm.url, max_in_flight=7, timeout_seconds=1.0, lane_order="none", schedule=[0.1] * 20)
    count = Count(0.05)
    crm.answer = count
    dice = random.Random(7)
    with workers(outbox, sql) as running:
        write(sql, 900)
        for turn in range(4):
            time.sleep(dice.uniform(0.6, 1.2))
            process = running.pop(0)
            if turn % 2:
                process.kill()
                process.wait()
            else:
                ends_well(process, seconds=10)
            running.append(outbox.start("run"))
        wait_for(lambda: open_deliveries(sql) == 0, seconds=60)

    assert 3 < count.most <= 7
    assert len({name for name, _ in numbers(crm)}) == 900
    senders = sql.execute("SELECT count(DISTINCT worker) FROM outbox.attempt WHERE outcome = 'ok'").fetchall()
    assert int(str(senders[0][0])) >= 3


def test_a_single_slot_is_one_workers_and_another_takes_over_when_it_dies(
    outbox: Program, sql: Connection, crm: Receiver
) -> None:
    """Never two at once; the killed worker's slot is free when nothing of it can be in flight."""
    insert_connector(sql, url=crm.url, max_in_flight=1, timeout_seconds=1.0, lane_order="none", schedule=[0.1] * 20)
    count = Count(0.02)
    crm.answer = count
    with workers(outbox, sql, 1) as [first]:
        others = [outbox.start("run"), outbox.start("run")]
        try:
            write(sql, 150)
            wait_for(lambda: len(crm.received) > 20, seconds=20)
            first.send_signal(signal.SIGKILL)
            wait_for(lambda: open_deliveries(sql) == 0, seconds=60)
        finally:
            for process in others:
                process.kill()
                process.wait()

    assert count.most == 1
    assert len({name for name, _ in numbers(crm)}) == 150


@pytest.mark.soak
def test_three_workers_keep_one_rate_and_use_it(outbox: Program, sql: Connection, crm: Receiver) -> None:
    """Thirty a second over all: no two seconds see more than two seconds' worth and a burst, and it is not starved."""
    insert_connector(sql, url=crm.url, max_in_flight=30, timeout_seconds=1.0, lane_order="none", rate_per_second=30.0)
    count = Count(0.0)
    crm.answer = count
    with workers(outbox, sql):
        time.sleep(1.5)
        write(sql, 200)
        wait_for(lambda: open_deliveries(sql) == 0, seconds=30)

    came = count.came
    assert len(came) == 200
    assert max(sum(start <= one < start + 2 for one in came) for start in came) <= 2 * 30 + 30
    assert (200 - 30) / 30 * 0.9 < came[-1] - came[0] < 200 / 30 * 1.5
    assert sql.execute("SELECT max(number) FROM outbox.attempt").fetchone() == (1,)


def test_once_beside_a_daemon_waits_for_its_share(outbox: Program, sql: Connection, crm: Receiver) -> None:
    """What is due is delivered when it ends, by whomever; alone it starts at once, and leaves no row of its own."""
    insert_connector(sql, url=crm.url, max_in_flight=2, timeout_seconds=1.0, lane_order="none")
    count = Count(0.1)
    crm.answer = count
    with workers(outbox, sql, 1) as [process]:
        write(sql, 60)
        outbox("run", "--once")
        assert open_deliveries(sql) == 0
        ends_well(process, seconds=10)
    write(sql, 2)
    outbox("run", "--once")

    assert count.most <= 2
    assert len(crm.received) == 62
    assert sql.execute("SELECT count(*) FILTER (WHERE stopped_at IS NULL), count(*) FROM outbox.worker").fetchone() == (
        0,
        1,
    )
    assert sharing(sql) == 0


@pytest.mark.soak
def test_three_workers_probe_a_held_connector_one_at_a_time(outbox: Program, sql: Connection, crm: Receiver) -> None:
    """While it fails: single probes, farther and farther apart; when it answers all goes out, each report once."""
    connector = insert_connector(
        sql, url=crm.url, max_in_flight=6, timeout_seconds=1.0, lane_order="none", schedule=[60.0] * 3
    )
    failing = threading.Event()
    failing.set()
    count = Count(0.05)

    def answer(got: Received) -> Answer:
        count(got)
        return Answer(status=503 if failing.is_set() else 200)

    crm.answer = answer
    with workers(outbox, sql):
        for n in range(200):
            insert_open(sql, connector, f"k{n}")
        wait_for(lambda: sql.execute("SELECT 1 FROM outbox.health WHERE held_at IS NOT NULL").fetchall() != [])
        time.sleep(1.5)
        at_hold = len(crm.received)
        count.most = 0
        for _ in range(4):
            before = len(crm.received)
            sql.execute("UPDATE outbox.health SET probe_at = clock_timestamp()")
            wait_for(lambda before=before: len(crm.received) > before, seconds=10)  # type: ignore[misc]
            time.sleep(0.8)
            assert len(crm.received) == before + 1
        assert count.most == 1
        failing.clear()
        sql.execute("UPDATE outbox.health SET probe_at = clock_timestamp()")
        wait_for(lambda: open_deliveries(sql) == 0, seconds=30)

    assert 10 <= at_hold <= 10 + 3 * 6
    assert 1 < count.most <= 6
    assert len(crm.received) == at_hold + 4 + 200
    assert sql.execute("SELECT count(*) FROM outbox.attempt WHERE settled = 'dead'").fetchone() == (0,)
