"""What a process dies of: the daemon killed, stopped, told to end, cut off."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from outbox.mending import mend
from tests.conftest import Database
from tests.daemons import (
    HURRY,
    check_order,
    check_whole,
    daemon,
    ends_well,
    load,
    open_deliveries,
    watched_leases,
    workers,
)
from tests.factories import Connection, connect, create_source, insert_connector, insert_note
from tests.leases import attempts_of
from tests.program import program
from tests.receiver import Answer, Receiver, receiver
from tests.relays import numbers, wait_for


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


@pytest.mark.slow
@pytest.mark.parametrize("kills", [pytest.param(50, marks=pytest.mark.soak)])
def test_daemons_killed_at_random_lose_nothing(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path, kills: int
) -> None:
    """SIGKILLs under load, three at work: every event arrives in order, its attempts are 1..k, it is settled once.

    What came again was in flight at a kill, or had failed; each attempt is sent once; no lease outlasts its time.
    """
    outbox = program(tmp_path, database.url, **HURRY)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=1.0, schedule=[0.1] * 49)
    crm.answer = lambda _: Answer(seconds=random.uniform(0.0, 0.06), status=500 if random.random() < 0.05 else 200)
    running, killed = [outbox.start("run") for _ in range(3)], set[int]()
    try:
        with watched_leases(database) as leases:
            with load(database) as written:
                for number in range(kills):
                    wait_for(lambda number=number: workers(sql) == 3 + number, seconds=30)  # type: ignore[misc]
                    time.sleep(random.uniform(0.0, 0.5))
                    victim = running.pop(random.randrange(3))
                    victim.kill()
                    victim.wait()
                    killed.add(victim.pid)
                    running.append(outbox.start("run"))
            wait_for(lambda: open_deliveries(sql) == 0, seconds=30)
        for process in running:
            ends_well(process, seconds=15)
    finally:
        for process in running:
            process.kill()
            process.wait()

    check_whole(sql, crm, connector, written)
    check_order(crm)
    check_repeats(sql, crm, killed)
    assert leases.longest < 2.1
    assert leases.overdue < 5.0, "a lease that ran out was not taken over"


def check_repeats(sql: Connection, crm: Receiver, killed: set[int]) -> None:
    """Each attempt came once; what came before a delivery's last is on record as failed, or lost by who was killed.

    How many one worker loses is no matter of its limit: answers that came and were not settled yet are among them.
    """
    sent = Counter(numbers(crm))
    assert [one for one, times in sent.items() if times != 1] == []
    rows = sql.execute(
        "SELECT concat('dlv_', event_id, '_', connector_id), number::text, outcome, split_part(worker, ':', 2)::int"
        " FROM outbox.attempt WHERE NOT late"
    ).fetchall()
    outcomes = {(str(row[0]), str(row[1])): row[2] for row in rows}
    assert set(sent) <= set(outcomes)
    assert set(outcomes.values()) <= {"ok", "http_error", "lost"}
    lost = Counter(int(str(row[3])) for row in rows if row[2] == "lost")
    assert lost, "no kill struck a send: the test proved nothing"
    assert set(lost) <= killed
    last: Counter[str] = Counter()
    for identity, number in sent:
        last[identity] = max(last[identity], int(number))
    settled = {identity: int(number) for (identity, number), outcome in outcomes.items() if outcome == "ok"}
    assert settled == last, "only what was not settled when its worker was killed may come again"


def test_killed_between_the_answer_and_the_settle_it_is_sent_once_more(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """The receiver gets exactly one more with the same id, and history says lost, then ok."""
    outbox = program(tmp_path, database.url, **HURRY)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=1.0)
    crm.answer = lambda _: Answer(seconds=0.2)
    with daemon(outbox, sql) as process:
        event = insert_note(sql, "k1")
        wait_for(lambda: len(crm.received) == 1)
        with database.connect() as lane:
            lane.execute("SELECT pg_advisory_xact_lock(7231002, hashtext('k1') & 1023)")
            wait_for(lambda: _waits(sql))
            process.kill()
            process.wait()
    with daemon(outbox, sql) as process:
        wait_for(lambda: open_deliveries(sql) == 0)
        ends_well(process, seconds=10)

    name = f"dlv_{event}_{connector}"
    assert numbers(crm) == [(name, "1"), (name, "2")]
    assert [(row[1], row[3]) for row in attempts_of(sql, event)] == [("lost", None), ("ok", "delivered")]


def _waits(sql: Connection) -> bool:
    return sql.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'").fetchall() != [(0,)]


def test_a_worker_stopped_past_its_lease_sends_nothing_new_and_settles_nothing(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """Another takes over when the lease ends; the first, awake again, only adds a late attempt."""
    outbox = program(tmp_path, database.url, **HURRY)
    insert_connector(sql, url=crm.url, timeout_seconds=1.0)
    crm.answer = lambda got: Answer(seconds=0.4 if got.headers["outbox-attempt"] == "1" else 0.0)
    with daemon(outbox, sql) as first:
        event = insert_note(sql, "k1")
        wait_for(lambda: len(crm.received) == 1)
        first.send_signal(signal.SIGSTOP)
        with daemon(outbox, sql) as second:
            wait_for(lambda: open_deliveries(sql) == 0, seconds=10)
            ends_well(second, seconds=10)
        assert [row[1] for row in attempts_of(sql, event)] == ["lost", "ok"]
        first.send_signal(signal.SIGCONT)
        wait_for(lambda: len(attempts_of(sql, event)) == 3)
        ends_well(first, seconds=10)

    rows = attempts_of(sql, event)
    assert [row[:2] for row in rows] == [(1, "lost"), (1, "late"), (2, "ok")]
    assert rows[0][2] == rows[1][2] != rows[2][2]
    assert [number for _, number in numbers(crm)] == ["1", "2"]


def test_told_to_end_it_does_though_a_receiver_hangs(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """SIGTERM: nothing new is taken, what doesn't end within the limit is recorded as interrupted, exit 0."""
    outbox = program(tmp_path, database.url, RELAY_DRAIN_SECONDS="1")
    insert_connector(sql, url=crm.url, timeout_seconds=60.0, max_in_flight=1)
    crm.answer = lambda _: Answer(seconds=60)
    with daemon(outbox, sql) as process:
        event, behind = insert_note(sql, "k1"), insert_note(sql, "k2")
        wait_for(lambda: len(crm.received) == 1)
        ends_well(process, seconds=8)

    assert [row[1] for row in attempts_of(sql, event) + attempts_of(sql, behind)] == ["interrupted"]
    assert sql.execute(
        "SELECT attempts, tries, lease_token, due_at <= clock_timestamp() FROM outbox.queue ORDER BY attempts"
    ).fetchall() == [(0, 0, None, True), (1, 0, None, True)]
    assert sql.execute("SELECT count(*) FROM outbox.worker WHERE stopped_at IS NOT NULL").fetchone() == (1,)


def test_told_to_end_it_does_though_the_database_hangs(database: Database, sql: Connection, tmp_path: Path) -> None:
    """A server that neither answers nor closes keeps nothing: exit 0 soon after the limit."""
    outbox = program(tmp_path, database.url, RELAY_DRAIN_SECONDS="0.5", RELAY_POLL_SECONDS="0.1")
    with daemon(outbox, sql) as process:
        backends = [
            int(str(row[0]))
            for row in sql.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name ~ 'contract-outbox (claim|settle)'"
            )
        ]
        assert backends
        for backend in backends:
            os.kill(backend, signal.SIGSTOP)
        try:
            time.sleep(0.3)
            ends_well(process, seconds=6)
        finally:
            for backend in backends:
                os.kill(backend, signal.SIGCONT)


def test_told_to_end_it_does_though_a_periodic_job_waits(database: Database, sql: Connection, tmp_path: Path) -> None:
    """Somebody holds the rows that a job of every minute needs: exit 0 soon after the limit."""
    outbox = program(tmp_path, database.url, RELAY_DRAIN_SECONDS="0.5")
    sql.execute("INSERT INTO outbox.periodic (name) VALUES ('mend lanes'), ('drift')")
    with database.connect() as somebody:
        somebody.execute("SELECT FROM outbox.periodic FOR UPDATE")
        with daemon(outbox, sql) as process:
            wait_for(lambda: sql.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall() != [])
            ends_well(process, seconds=5)


def test_a_periodic_job_waits_for_nobody_long(database: Database, sql: Connection) -> None:
    """Within the time that a process has to end: it comes again in a minute."""
    sql.execute("INSERT INTO outbox.periodic (name) VALUES ('mend lanes')")
    with database.connect() as somebody:
        somebody.execute("SELECT FROM outbox.periodic FOR UPDATE")
        with pytest.raises(DBAPIError, match="lock timeout"):
            mend(database.engine, by="w1", seconds=60.0)


def test_told_to_end_again_and_again_it_ends_once(database: Database, sql: Connection, tmp_path: Path) -> None:
    """Signals that come while the first is being obeyed, in whatever moment, hang nothing."""
    outbox = program(tmp_path, database.url, RELAY_DRAIN_SECONDS="1")
    with daemon(outbox, sql) as process:
        for _ in range(400):
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=40) == 0


def test_told_to_end_while_its_libraries_load_it_does() -> None:
    """SIGTERM before the command could even be read: exit 0, for nothing is under way."""
    loading = "import os, signal, sys, types\nsys.argv = ['outbox', 'run']\nimport outbox.__main__ as entry\n"
    loading += "class Loading(types.ModuleType):\n  def __getattr__(self, name): os.kill(os.getpid(), signal.SIGTERM)\n"
    loading += "sys.modules['outbox.cli'] = Loading('outbox.cli')\nentry.main()\nsys.exit(3)"

    assert subprocess.run([sys.executable, "-c", loading], check=False).returncode == 0


@pytest.mark.parametrize("comes", [True, False], ids=["it comes", "told to end meanwhile"])
def test_a_database_that_is_not_there_at_the_start_is_waited_for(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path, *, comes: bool
) -> None:
    """The daemon says so, tries again, and does its work when the database comes."""
    log = tmp_path / "waiting.log"
    insert_connector(sql, url=crm.url)
    insert_note(sql, "k1")
    with database.connect(dbname="postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false".encode())
        process = program(tmp_path, database.url).start("run", log=log)
        try:
            wait_for(lambda: log.read_text().count("database_unavailable") > 1, seconds=20)
            if comes:
                admin.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true".encode())
                wait_for(lambda: len(crm.received) == 1)
            ends_well(process, seconds=10)
        finally:
            process.kill()
            process.wait()


def test_once_settles_what_is_under_way_whatever_failed(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """A statement fails while an answer is on its way: exit code 1, and the answer is on record all the same."""
    insert_connector(sql, url=crm.url)
    event = insert_note(sql, "k1")
    crm.answer = lambda _: Answer(seconds=1.0)
    process = program(tmp_path, database.url).start("run", "--once")
    wait_for(lambda: len(crm.received) == 1, seconds=20)
    sql.execute("ALTER TABLE outbox.inbox RENAME TO away")
    wait_for(lambda: process.poll() is not None, seconds=20)

    assert process.returncode == 1
    assert [row[1::2] for row in attempts_of(sql, event)] == [("ok", "delivered")]


def test_once_says_that_work_is_left(database: Database, sql: Connection, crm: Receiver, tmp_path: Path) -> None:
    """A contract that can't be routed now is work left due: exit code 1, whatever else was delivered."""
    outbox = program(tmp_path, database.url)
    insert_connector(sql, url=crm.url)
    insert_note(sql, "k1")
    poison = insert_note(sql, "k2", document={"company": "7"})
    sql.execute("DROP TABLE public.company")

    outbox("run", "--once", code=1)

    assert len(crm.received) == 1
    assert sql.execute("SELECT event_id FROM outbox.inbox").fetchall() == [(poison,)]


def test_once_that_waits_for_a_lock_can_be_ended(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """Told to end, it leaves a statement that somebody holds up, soon after its time to drain: exit code 1."""
    insert_connector(sql, url=crm.url)
    insert_note(sql, "k1")
    with database.connect() as holder:
        holder.execute("LOCK TABLE outbox.decision")
        process = program(tmp_path, database.url, RELAY_DRAIN_SECONDS="0").start("run", "--once")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_for(lambda: sql.execute(waits).fetchall() != [(0,)], seconds=20)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: process.poll() is not None, seconds=20)

    assert process.returncode == 1


def test_without_a_wake_up_it_polls(database: Database, sql: Connection, crm: Receiver, tmp_path: Path) -> None:
    """No NOTIFY, and the listening connection cut: a note waits for the poll and no longer."""
    outbox = program(tmp_path, database.url, RELAY_POLL_SECONDS="0.5")
    insert_connector(sql, url=crm.url)
    with daemon(outbox, sql) as process:
        delays = []
        for n in range(3):
            sql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ 'wake'")
            insert_note(sql, f"k{n}")
            started = time.monotonic()
            wait_for(lambda n=n: len(crm.received) == n + 1)  # type: ignore[misc]
            delays.append(time.monotonic() - started)
        ends_well(process, seconds=10)

    assert max(delays) < 4.0  # the connection that hears is opened again after 5 s
