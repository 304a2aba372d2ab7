"""PostgreSQL restarted and crashed under load: the same daemon goes on, and nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.parametrize("crash", [False, True], ids=["restarted", "crashed"])
def test_the_database_comes_back_and_nothing_is_lost(tmp_path: Path, crm: Receiver, *, crash: bool) -> None:
    """The same process goes on: every committed event arrives, and only what was in flight may come twice."""
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
                for _ in range(2):
                    before = len(crm.received)
                    wait_for(lambda before=before: len(crm.received) > before + 30, seconds=20)  # type: ignore[misc]
                    database.server.restart(crash=crash)
            with connect(database) as sql:
                wait_for(lambda: open_deliveries(sql) == 0, seconds=30)
                ends_well(process, seconds=15)
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
