"""Order as receivers see it, over random schedules: overlapping transactions, several relays, retries and crashes."""

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest
from psycopg import Connection as Psycopg

from outbox import store
from outbox.connectors import load_connectors
from outbox.db import make_engine
from outbox.relay import Relay
from outbox.secret_box import SecretBox
from outbox.send_pool import SendPool
from outbox.sender import make_transport
from tests.conftest import Database
from tests.daemons import open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note
from tests.leases import claim
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import relay_on, settings_for, wait_for

CONTRACTS, WRITERS, RELAYS = 3, 3, 3
TIMEOUT_SECONDS = 0.3
_numbers = count(1)

Step = tuple[str, int, int]
"""What a writer does: note a contract, commit or roll back."""


def make_schedule(dice: random.Random) -> list[Step]:
    """Steps of several writers at once, most of them notes."""
    kinds = ["note"] * 4 + ["commit"] * 3 + ["roll back"]
    return [
        (dice.choice(kinds), dice.randrange(WRITERS), dice.randrange(CONTRACTS)) for _ in range(dice.randint(15, 40))
    ]


@dataclass
class Model:
    """What was committed, and what the order of it says: moments are counted over all writers."""

    begun: dict[int, int] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    contract: dict[int, str] = field(default_factory=dict)

    def violations(self, sent: list[int]) -> list[tuple[int, int]]:
        """Pairs of events of one contract that came the wrong way: the second was noted after the first's commit.

        Transactions that overlap on a contract may come either way. An event that comes again counts each time.
        """
        return [
            (earlier, later)
            for place, later in enumerate(sent)
            for earlier in sent[place + 1 :]
            if self.contract[earlier] == self.contract[later] and self.committed[earlier] < self.begun[later]
        ]


class Writers:
    """Connections that do the steps of a schedule, so that their transactions overlap as it says."""

    def __init__(self, connections: list["Psycopg[tuple[object, ...]]"], prefix: str) -> None:
        self._connections = connections
        self._prefix = prefix
        self._moments = count()
        self._open: list[dict[str, int]] = [{} for _ in connections]
        self.model = Model()

    def run(self, schedule: list[Step]) -> None:
        """Does every step, and commits what is open at the end."""
        for step, writer, contract in schedule:
            if step == "note":
                self._note(writer, f"{self._prefix}k{contract}")
            else:
                self._end(writer, commit=step == "commit")
            time.sleep(0.002)
        for writer in range(len(self._connections)):
            self._end(writer, commit=True)

    def _note(self, writer: int, contract: str) -> None:
        """Once for each contract in a transaction: more would be one report."""
        if contract not in self._open[writer]:
            moment = next(self._moments)
            event = insert_note(self._connections[writer], contract, business_unit=self._prefix)
            self._open[writer][contract] = event
            self.model.begun[event] = moment
            self.model.contract[event] = contract

    def _end(self, writer: int, *, commit: bool) -> None:
        if commit:
            self._connections[writer].commit()
            self.model.committed |= dict.fromkeys(self._open[writer].values(), next(self._moments))
        else:
            self._connections[writer].rollback()
        self._open[writer] = {}


class Mortal:
    """A worker that dies each time: it claims, sends some of it, and never settles."""

    def __init__(self, database: Database, connectors: list[int]) -> None:
        self._database = database
        self._connectors = connectors

    def live_and_die(self, ending: threading.Event) -> None:
        """Lives until the end is near; a lease is long enough for what it sends, as every worker's is."""
        configured = settings_for(self._database)
        engine, transport = make_engine(configured), make_transport(configured.sender)
        with engine.connect() as connection:
            known = {one.id: one for one in load_connectors(connection, SecretBox(()))}
            now = store.clock(connection)[0]
        for life in count(1):
            if ending.wait(0.15):
                break
            pool = SendPool(transport, threads=4, most_threads=4, now=lambda: now)
            for connector_id in self._connectors:
                pool.limit(connector_id, 8)
            asked_at = time.monotonic()
            lease = TIMEOUT_SECONDS + 0.6
            leased = claim(self._database, *self._connectors, token=life, name="mortal", lease=lease, most=2, take=1)
            for one in leased[life % 2 :]:
                pool.start(one, known[one.connector_id], deadline=asked_at + lease)
            while len(pool):
                pool.collect(wait_seconds=0.1)
            pool.take_back()
        transport.close()
        engine.dispose()


class Arena:
    """Three relays at work on one database, and two receivers that refuse as they are told."""

    def __init__(self, database: Database, sql: Connection, receivers: dict[str, Receiver]) -> None:
        self._database = database
        self._sql = sql
        self._receivers = receivers

    def play_seed(self, seed: int) -> None:
        """The schedule that this seed gives."""
        dice = random.Random(seed)
        self.play(make_schedule(dice), refusals=[dice.choice([0, 0, 1, 2]) for _ in range(40)])

    def play(self, schedule: list[Step], refusals: list[int]) -> None:
        """One schedule: everything committed arrives in a permitted order and is settled once; nothing else comes."""
        prefix = f"bu{next(_numbers)}"
        connectors = [self._connect(name, prefix, refusals) for name in self._receivers]
        ending = threading.Event()
        with ExitStack() as opened:
            writers = Writers([opened.enter_context(self._database.connect()) for _ in range(WRITERS)], prefix)
            mortal = threading.Thread(target=Mortal(self._database, connectors).live_and_die, args=(ending,))
            mortal.start()
            try:
                writers.run(schedule)
                time.sleep(0.4)  # the mortal's last chances
            finally:
                ending.set()
                mortal.join(timeout=20)
        wait_for(lambda: open_deliveries(self._sql) == 0, seconds=60)

        for name in self._receivers:
            sent = self._sent(name, prefix)
            assert set(sent) == set(writers.model.committed)
            assert writers.model.violations(sent) == []
        self._check_attempts(connectors, len(writers.model.committed))

    def count_lost(self) -> int:
        """How many attempts the mortal lost."""
        return int(
            str(self._sql.execute("SELECT count(*) FROM outbox.attempt WHERE outcome = 'lost'").fetchall()[0][0])
        )

    def _connect(self, name: str, prefix: str, refusals: list[int]) -> int:
        """A connector at this receiver, which refuses the n-th event it sees as often as the n-th number says."""
        seen: dict[str, int] = {}
        tries: dict[str, int] = defaultdict(int)
        lock = threading.Lock()

        def answer(got: Received) -> Answer:
            with lock:
                place = seen.setdefault(got.headers["webhook-id"], len(seen))
                tries[got.headers["webhook-id"]] += 1
                refused = tries[got.headers["webhook-id"]] <= refusals[place % len(refusals)]
            return Answer(status=503 if refused else 200, seconds=0.005)

        self._receivers[name].answer = answer
        self._receivers[name].received.clear()
        return insert_connector(
            self._sql,
            f"{name} {prefix}",
            url=self._receivers[name].url,
            business_units=[prefix],
            timeout_seconds=TIMEOUT_SECONDS,
            schedule=[0.02] * 49,
        )

    def _sent(self, name: str, prefix: str) -> list[int]:
        reports = [json.loads(got.body) for got in self._receivers[name].received]
        assert {report["business_unit"] for report in reports} <= {prefix}
        return [report["id"] for report in reports]

    def _check_attempts(self, connectors: list[int], events: int) -> None:
        rows = self._sql.execute(
            "SELECT count(*), count(*) FILTER (WHERE oks = 1 AND numbers = last) FROM (SELECT"
            " count(*) FILTER (WHERE settled = 'delivered') AS oks, count(*) FILTER (WHERE NOT late) AS numbers,"
            " max(number) AS last FROM outbox.attempt WHERE connector_id = ANY (%s)"
            " GROUP BY event_id, connector_id) AS delivery",
            [connectors],
        ).fetchall()
        assert rows == [(len(connectors) * events,) * 2]


def keep_running(relay: Relay, ending: threading.Event) -> None:
    """As the daemon does: again and again until told to end."""
    while not ending.wait(0.02):
        relay.run_until_idle()


@contextmanager
def arena(database: Database) -> Iterator[Arena]:
    """Everything but the writers, for the length of a test."""
    ending = threading.Event()
    with ExitStack() as opened:
        sql = opened.enter_context(connect(database))
        create_source(sql)
        receivers = {name: opened.enter_context(receiver()) for name in ("crm", "erp")}
        threads = []
        for n in range(RELAYS):
            relay = opened.enter_context(
                relay_on(database, worker=f"w{n}", lease_margin_seconds=1.0, threads=4, route_batch=3)
            )
            threads.append(threading.Thread(target=keep_running, args=(relay, ending)))
        for thread in threads:
            thread.start()
        try:
            yield Arena(database, sql, receivers)
        finally:
            ending.set()
            for thread in threads:
                thread.join(timeout=20)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(100, 160), marks=pytest.mark.soak)], ids=len)
def test_reports_of_a_contract_come_in_commit_order(database: Database, seeds: range) -> None:
    """For any schedule of transactions, refusals and crashes, each connector gets each contract's reports in order."""
    with arena(database) as running:
        for seed in seeds:
            running.play_seed(seed)
        further = iter(range(1000, 1020))
        while running.count_lost() == 0:  # the machine may be too slow for a crash to strike
            running.play_seed(next(further))
