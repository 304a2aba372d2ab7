"""`outbox run --processes N`: several workers on one database under one supervisor."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from outbox.chores import CHORES
from tests.conftest import Database
from tests.daemons import HURRY, check_whole, ends_well, load, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note, install_source
from tests.program import Program, program
from tests.receiver import Answer, Receiver, receiver
from tests.relays import wait_for

TICKING = sorted(one.name for one in CHORES if one.name not in ("alerts", "expiry"))
"""The chores that take slots: nobody is to be alerted here, and the scan has a row of its own."""


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


def pids(sql: Connection) -> list[int]:
    """Process ids of the workers that have said that they live and not that they left."""
    rows = sql.execute("SELECT pid FROM outbox.worker WHERE stopped_at IS NULL ORDER BY pid").fetchall()
    return [int(str(row[0])) for row in rows]


@contextmanager
def supervised(outbox: Program, sql: Connection, *, processes: int) -> Iterator["subprocess.Popen[str]"]:
    """A supervisor whose workers are up; killed at the end if it still runs, and its workers end by themselves."""
    process = outbox.start("run", "--processes", str(processes))
    try:
        wait_for(lambda: len(pids(sql)) == processes, seconds=30)
        yield process
    finally:
        process.kill()
        process.wait()


def gone(pid: int) -> bool:
    """Whether no such process is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_three_workers_deliver_together_and_one_that_dies_is_replaced(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """Under load one is killed: nothing is lost, another takes its place, and SIGTERM ends all with 0."""
    create_source(sql)
    outbox = program(tmp_path, database.url, **HURRY)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=1.0)
    crm.answer = lambda _: Answer(seconds=0.05)
    with supervised(outbox, sql, processes=3) as process:
        with load(database) as written:
            wait_for(lambda: len(crm.received) > 50, seconds=20)
            os.kill(pids(sql)[0], signal.SIGKILL)
            wait_for(lambda: len(pids(sql)) == 4, seconds=20)
        wait_for(lambda: open_deliveries(sql) == 0, seconds=30)
        ends_well(process, seconds=20)

    check_whole(sql, crm, connector, written)
    shares = sql.execute("SELECT worker, count(*) FROM outbox.attempt WHERE outcome = 'ok' GROUP BY worker").fetchall()
    assert len(shares) >= 3, shares
    assert sql.execute("SELECT count(*) FROM outbox.worker WHERE stopped_at IS NOT NULL").fetchone() == (3,)
    assert '"how": "SIGKILL"' in (tmp_path / "outbox.log").read_text()


def test_the_supervisor_killed_its_workers_drain(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """SIGKILL of the supervisor: what is being sent ends and is settled, and each worker leaves in good order."""
    create_source(sql)
    outbox = program(tmp_path, database.url)
    insert_connector(sql, url=crm.url)
    crm.answer = lambda _: Answer(seconds=1.0)
    with supervised(outbox, sql, processes=2) as process:
        workers = pids(sql)
        insert_note(sql, "k1")
        wait_for(lambda: len(crm.received) == 1)
        process.kill()
        wait_for(lambda: all(map(gone, workers)))

    assert sql.execute("SELECT outcome, settled FROM outbox.attempt").fetchall() == [("ok", "delivered")]
    assert pids(sql) == []


def asked(sql: Connection) -> dict[str, int]:
    """How many workers asked for a slot of each job."""
    rows = sql.execute("SELECT name, count(DISTINCT backend) FROM public.asked GROUP BY name").fetchall()
    return {str(name): int(str(times)) for name, times in rows}


def test_periodic_jobs_run_once_over_all_processes(database: Database, sql: Connection, tmp_path: Path) -> None:
    """Three ask for each slot of each job and one gets it; what it finds is said once."""
    install_source(database)
    sql.execute("ALTER TABLE public.contract DISABLE TRIGGER USER")
    sql.execute(
        """
        CREATE TABLE public.asked (name text, backend integer DEFAULT pg_backend_pid());
        CREATE TABLE public.got (name text, slot timestamptz);
        CREATE FUNCTION public.asks() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO public.asked (name) VALUES (new.name); RETURN new; END $$;
        CREATE FUNCTION public.gets() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO public.got VALUES (new.name, new.last_run); RETURN NULL; END $$;
        CREATE TRIGGER asks BEFORE INSERT ON outbox.periodic FOR EACH ROW EXECUTE FUNCTION public.asks();
        CREATE TRIGGER gets AFTER INSERT OR UPDATE ON outbox.periodic FOR EACH ROW EXECUTE FUNCTION public.gets();
        """
    )
    outbox = program(tmp_path, database.url)
    with supervised(outbox, sql, processes=3) as process:
        wait_for(lambda: asked(sql) == dict.fromkeys(TICKING, 3), seconds=20)
        ends_well(process, seconds=15)

    got = sql.execute("SELECT name, slot FROM public.got").fetchall()
    assert len(got) == len(set(got)) < 3 * len(TICKING)
    told = (tmp_path / "outbox.log").read_text().count('"event": "capture_drift"')
    assert 1 <= told <= len([name for name, _ in got if name == "drift"])


def test_a_database_without_our_schema_ends_all_with_the_words_that_mend_it(
    empty_database: Database, tmp_path: Path
) -> None:
    """What one process would refuse at its start, several do too, with the same exit code and without a loop."""
    said = program(tmp_path, empty_database.url)("run", "--processes", "2", code=1)

    assert "outbox migrate" in said


def test_the_setting_says_how_many_and_the_option_wins(database: Database, sql: Connection, tmp_path: Path) -> None:
    """relay.processes holds where --processes says nothing; one is this process, without a supervisor."""
    create_source(sql)
    outbox = program(tmp_path, database.url, RELAY_PROCESSES="2")
    two = outbox.start("run")
    wait_for(lambda: len(pids(sql)) == 2, seconds=20)
    assert two.pid not in pids(sql)
    ends_well(two, seconds=15)
    one = outbox.start("run", "--processes", "1")
    wait_for(lambda: pids(sql) == [one.pid], seconds=20)
    ends_well(one, seconds=15)
