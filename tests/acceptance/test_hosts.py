"""Workers on several hosts, with addresses of their own, on one database; one of them cut off."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from outbox.migrations import migrate
from tests.conftest import Database
from tests.daemons import HURRY, check_whole, daemon, ends_well, load, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note
from tests.hosts import HUB, NETWORK, Network, network
from tests.leases import attempts_of
from tests.postgres import Server
from tests.program import Program, program
from tests.receiver import Answer, Receiver, receiver
from tests.relays import wait_for

pytestmark = pytest.mark.slow
HOST_BUSY_SECONDS = 0.3
"""An answer takes long: what one host can do at most is then known, and the machine's speed is no matter."""
DELIVERIES = 120
THREADS = 2


class Site:
    """A network, and on its hub a database with our schema and a receiver."""

    def __init__(self, hosts: Network, database: Database, sql: Connection, crm: Receiver, outbox: Program) -> None:
        self.hosts, self.database, self.sql, self.crm, self._outbox = hosts, database, sql, crm, outbox

    def daemon(self, host: str) -> AbstractContextManager["subprocess.Popen[str]"]:
        """A daemon that is up on this host."""
        return daemon(replace(self._outbox, before=self.hosts.on(host)), self.sql)


@contextmanager
def site(folder: Path, *, hosts: int, **settings: str) -> Iterator[Site]:
    """All of it, for the length of a test, which is on the hub meanwhile."""
    with ExitStack() as stack:
        made = stack.enter_context(network(hosts))
        server = stack.enter_context(Server(options=f"-c listen_addresses=127.0.0.1,{HUB}"))
        with Path(server.base_dir, "data", "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK} trust\n")
        server.restart(down_seconds=0)
        database = Database(server, "test")
        stack.callback(database.dispose)
        migrate(database.engine)
        sql = stack.enter_context(connect(database))
        create_source(sql)
        crm = stack.enter_context(receiver(address=HUB))
        url = database.url.replace("127.0.0.1", HUB)
        outbox = program(folder, url, **{**HURRY, "SENDER_ALLOW_NETWORKS": NETWORK, **settings})
        yield Site(made, database, sql, crm, outbox)


def hosts_of(sql: Connection, where: str) -> set[object]:
    """The hosts whose workers made such attempts."""
    rows = sql.execute(
        b"SELECT DISTINCT w.host FROM outbox.attempt a JOIN outbox.worker w ON w.name = a.worker WHERE %s"
        % where.encode()
    )
    return {row[0] for row in rows}


@pytest.mark.parametrize("hosts", [pytest.param(2, marks=pytest.mark.soak), 3])
def test_hosts_deliver_together(tmp_path: Path, hosts: int) -> None:
    """Each takes its share, nothing is doubled, and together they are faster than one host could be."""
    with site(tmp_path, hosts=hosts, RELAY_THREADS=str(THREADS), RELAY_LEASE_MARGIN_SECONDS="30") as one:
        connector = insert_connector(one.sql, url=one.crm.url, max_in_flight=32)
        one.crm.answer = lambda _: Answer(seconds=HOST_BUSY_SECONDS)
        with ExitStack() as daemons:
            running = [daemons.enter_context(one.daemon(host)) for host in one.hosts.hosts]
            started = time.monotonic()
            with one.sql.transaction():
                events = [insert_note(one.sql, f"k{number}") for number in range(DELIVERIES)]
            wait_for(lambda: open_deliveries(one.sql) == 0, seconds=60)
            took = time.monotonic() - started
            for process in running:
                ends_well(process, seconds=15)

        assert set(check_whole(one.sql, one.crm, connector, events).values()) == {1}
        assert hosts_of(one.sql, "a.outcome = 'ok'") == set(one.hosts.hosts)
        assert {got.peer for got in one.crm.received} == {f"10.213.{n}.2" for n in range(1, hosts + 1)}
        assert took < DELIVERIES * HOST_BUSY_SECONDS / THREADS


def test_a_host_cut_off_in_the_middle_of_a_batch_is_taken_over(tmp_path: Path) -> None:
    """Its leases run out and the other sends; nothing is lost; back again, its late settle changes nothing."""
    with site(tmp_path, hosts=2) as one, one.daemon("h1") as first, one.daemon("h2") as second:
        connector = insert_connector(one.sql, url=one.crm.url, timeout_seconds=1.0, schedule=[0.1] * 50)
        one.crm.answer = lambda _: Answer(seconds=0.1)
        with load(one.database) as written:
            wait_for(lambda: len({got.peer for got in one.crm.received}) == 2 and len(one.crm.received) > 30)
            wait_for(lambda: leased_by(one.sql, "h1") > 1)
            one.hosts.cut("h1")
            time.sleep(2.0)
        wait_for(lambda: open_deliveries(one.sql) == 0, seconds=30)
        assert hosts_of(one.sql, "a.outcome = 'lost'") == {"h1"}
        before = one.sql.execute(
            "SELECT event_id, number, outcome, settled FROM outbox.attempt WHERE NOT late"
        ).fetchall()

        one.hosts.join("h1")
        wait_for(lambda: hosts_of(one.sql, "a.late") == {"h1"}, seconds=40)
        event = insert_note(one.sql, "after")
        wait_for(lambda: len(attempts_of(one.sql, event)) == 1)
        for process in (first, second):
            ends_well(process, seconds=30)

        check_whole(one.sql, one.crm, connector, [*written, event])
        after = one.sql.execute(
            "SELECT event_id, number, outcome, settled FROM outbox.attempt WHERE NOT late AND event_id <> %s", [event]
        ).fetchall()
        assert sorted(map(str, after)) == sorted(map(str, before))
        assert one.sql.execute("SELECT count(*) FROM outbox.attempt WHERE late AND settled IS NOT NULL").fetchone() == (
            0,
        )


def test_a_host_cut_off_while_it_settles_holds_no_lane(tmp_path: Path) -> None:
    """Its transaction is open at the server and holds the contract's lane: the server ends it within seconds."""
    with site(tmp_path, hosts=2) as one:
        insert_connector(one.sql, url=one.crm.url, timeout_seconds=1.0, schedule=[0.1] * 50)
        with one.daemon("h1"):
            with one.database.connect() as lane:
                one.crm.answer = lambda _: Answer(seconds=0.2)
                event = insert_note(one.sql, "k1")
                wait_for(lambda: len(one.crm.received) == 1)
                lane.execute("SELECT pg_advisory_xact_lock(7231002, hashtext('k1') & 1023)")
                wait_for(lambda: waits_for_a_lane(one.sql))
                one.hosts.cut("h1")
            with one.daemon("h2") as second:
                wait_for(lambda: open_deliveries(one.sql) == 0, seconds=30)
                later = insert_note(one.sql, "k1")
                wait_for(lambda: len(attempts_of(one.sql, later)) == 1)
                ends_well(second, seconds=15)

        assert [row[1] for row in attempts_of(one.sql, event)] == ["lost", "ok"]


def waits_for_a_lane(sql: Connection) -> bool:
    """Whether someone waits for a lane lock."""
    return sql.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'").fetchall() != [(0,)]


def leased_by(sql: Connection, host: str) -> int:
    """Rows under a lease of a worker of this host."""
    row = sql.execute(
        "SELECT count(*) FROM outbox.queue q JOIN outbox.worker w ON w.name = q.lease_worker"
        " WHERE q.lease_token IS NOT NULL AND w.host = %s",
        [host],
    ).fetchone()
    return int(str(row[0])) if row else 0
