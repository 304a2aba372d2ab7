"""PostgreSQL in trouble under load: connections cut, read-only moments, a full disk; the same daemon goes on."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import HURRY, check_whole, daemon, ends_well, load, open_deliveries, own_server
from tests.factories import Connection, connect, create_source, insert_connector
from tests.program import program
from tests.receiver import Answer, Receiver, receiver
from tests.relays import wait_for

IN_FLIGHT = 16
FULL = """
CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON outbox.{table} FOR EACH ROW EXECUTE FUNCTION public.full_disk()
"""
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'contract-outbox%'
"""
LEASES = "SELECT count(*) FROM outbox.queue WHERE lease_token IS NOT NULL AND due_at > now()"


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver that takes its time, so that something is in flight always."""
    with receiver(lambda _: Answer(seconds=0.01)) as running:
        yield running


def arrange(database: Database, crm: Receiver) -> int:
    """A connector; its id."""
    with connect(database) as sql:
        create_source(sql)
        return insert_connector(sql, url=crm.url, timeout_seconds=1.0, max_in_flight=IN_FLIGHT, schedule=[0.1] * 9)


def sends_more(crm: Receiver, count: int = 15) -> None:
    """Waits until so many more reports have come."""
    before = len(crm.received)
    wait_for(lambda: len(crm.received) >= before + count, seconds=20)


@contextmanager
def loaded_daemon(database: Database, folder: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A daemon under load; afterwards it has delivered everything, is the same still, and ends well."""
    outbox = program(folder, database.url, **HURRY)
    with connect(database) as sql, daemon(outbox, sql) as process:
        with load(database) as written:
            yield process, written
        wait_for(lambda: open_deliveries(sql) == 0, seconds=60)
        ends_well(process, seconds=30)


@pytest.mark.soak
def test_connections_cut_again_and_again_lose_nothing(database: Database, crm: Receiver, tmp_path: Path) -> None:
    """Every connection of the daemon ends ten times; the application's commits and the deliveries go on."""
    connector = arrange(database, crm)
    with connect(database) as sql:
        with loaded_daemon(database, tmp_path) as (_, written):
            cut = 0
            for _ in range(10):
                sends_more(crm, 5)
                cut += len(sql.execute(CUT).fetchall())
            sends_more(crm)

        assert cut >= 10
        assert sum(times - 1 for times in check_whole(sql, crm, connector, written).values()) <= 10 * 2 * IN_FLIGHT


def test_a_read_only_moment_loses_nothing(crm: Receiver, tmp_path: Path) -> None:
    """As in a failover: nobody may write for a while; what was sent before is settled after, not sent again."""
    with own_server() as database, connect(database) as sql:
        connector = arrange(database, crm)
        with loaded_daemon(database, tmp_path) as (_, written):
            for _ in range(2):
                sends_more(crm)
                _set_read_only(sql, "on")
                stands = len(written)
                time.sleep(0.7)
                assert len(written) <= stands + 1
                _set_read_only(sql, "off")
                wait_for(lambda stands=stands: len(written) > stands + 5)  # type: ignore[misc]

        came = check_whole(sql, crm, connector, written)
        assert sum(times - 1 for times in came.values()) <= 2 * IN_FLIGHT


def _set_read_only(sql: Connection, value: str) -> None:
    """For every transaction that begins from now on, and, since it waits for that, in every session."""
    sql.execute("SET default_transaction_read_only = off")
    sql.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
    sql.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("table", ["attempt", "queue"])
def test_a_full_disk_stops_the_daemon_and_nobody_else(
    database: Database, crm: Receiver, tmp_path: Path, table: str
) -> None:
    """Inserts fail past the end of every lease: it waits and keeps what came back; then it settles all and goes on.

    The application commits on throughout, and nothing is sent twice: the answers were known.
    """
    connector = arrange(database, crm)
    with connect(database) as sql:
        with loaded_daemon(database, tmp_path) as (process, written):
            sends_more(crm)
            sql.execute(FULL.format(table=table).encode())
            stands = len(written)
            log = tmp_path / "outbox.log"
            wait_for(lambda: log.read_text().count("database_unavailable") >= 3, seconds=20)
            wait_for(lambda: sql.execute(LEASES).fetchall() == [(0,)])
            assert process.poll() is None
            wait_for(lambda: len(written) > stands + 50)
            sql.execute("DROP FUNCTION public.full_disk CASCADE")
            sends_more(crm)

        came = check_whole(sql, crm, connector, written)
        assert {name: times for name, times in came.items() if times != 1} == {}
