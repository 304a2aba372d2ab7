"""PostgreSQL restarted and crashed under load: the same daemon goes on, and nothing is lost."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import HURRY, check_whole, ends_well, load, open_deliveries, own_server
from tests.factories import Connection, connect, create_source, insert_connector
from tests.program import program
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import wait_for


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


def restart(database: Database) -> None:
    """Shut down in good order, and up again."""
    database.server.restart()


def stop_for_a_while(database: Database) -> None:
    """Longer than a lease."""
    database.server.restart(down_seconds=2.5)


def crash(database: Database) -> None:
    """Ends without a word to anybody, and recovers."""
    database.server.restart(crash=True)


def kill_a_backend(database: Database) -> None:
    """SIGKILL of one process, as the kernel does when memory is short: PostgreSQL ends all others and recovers."""
    with connect(database) as sql:
        rows = sql.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name ~ 'claim|settle' LIMIT 1"
        ).fetchall()
    os.kill(int(str(rows[0][0])), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    "outages",
    [pytest.param((restart, stop_for_a_while), marks=pytest.mark.soak), (crash, kill_a_backend)],
    ids=lambda outages: outages[0].__name__,
)
def test_the_database_comes_back_and_nothing_is_lost(
    tmp_path: Path, crm: Receiver, outages: tuple[Callable[[Database], None], ...]
) -> None:
    """The same process goes on, and so does the application; only what was in flight may come twice."""
    in_flight = 16
    with own_server() as database:
        with connect(database) as sql:
            create_source(sql)
            connector = insert_connector(
                sql, url=crm.url, timeout_seconds=1.0, max_in_flight=in_flight, schedule=[0.1] * 9
            )
        crm.answer = slow
        outbox = program(tmp_path, database.url, **HURRY)
        process = outbox.start("run")
        try:
            with load(database) as written:
                for outage in outages:
                    before = len(crm.received)
                    wait_for(lambda before=before: len(crm.received) > before + 30, seconds=20)  # type: ignore[misc]
                    outage(database)
                    stands = len(written)
                    wait_for(lambda stands=stands: len(written) > stands, seconds=20)  # type: ignore[misc]
            with connect(database) as sql:
                wait_for(lambda: open_deliveries(sql) == 0, seconds=60)
                ends_well(process, seconds=30)
                came = check_whole(sql, crm, connector, _standing(sql, written))
        finally:
            process.kill()
            process.wait()

    assert sum(times - 1 for times in came.values()) <= 2 * 2 * in_flight


def slow(_: Received) -> Answer:
    """Long enough that much is in flight at any time."""
    return Answer(seconds=0.05)


def _standing(sql: Connection, written: list[int]) -> list[int]:
    """Every event of the database: those that were confirmed, and one whose commit's answer was lost."""
    standing = [int(str(row[0])) for row in sql.execute("SELECT id FROM outbox.event ORDER BY id")]
    assert set(written) <= set(standing)
    return standing
