"""Lanes under fire: writers, routers and settlers at once on three contracts; order holds and nothing gets stuck."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine

from outbox import store
from outbox.connectors import load_connectors
from outbox.db import make_engine
from outbox.mending import mend_lanes
from outbox.model import Settled
from outbox.router import Router
from outbox.routing import ConnectorIndex
from outbox.secret_box import SecretBox
from outbox.settings import Database as DatabaseSettings
from outbox.settings import Settings
from tests.conftest import Database
from tests.factories import connect, insert_connector, insert_note
from tests.leases import REFUSED, attempt

CONTRACTS = ("k1", "k2", "k3")
LEASE_SECONDS = 0.3

Sends = dict[tuple[int, str], list[int]]


@contextmanager
def threads(*works: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Runs each in a thread until the block ends and they return; what they raised is in the list."""
    raised: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (told by the test)
            raised.append(error)

    running = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in running:
        thread.start()
    yield raised
    for thread in running:
        thread.join(timeout=30)


class Storm:
    """Everything that works on the lanes; `writing` and `working` say until when."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.engine: Engine = make_engine(
            Settings(database=DatabaseSettings(url=SecretStr(database.url))), pool_size=12
        )
        self.writing, self.working = threading.Event(), threading.Event()
        self.written: dict[str, list[int]] = defaultdict(list)
        self.sends: Sends = defaultdict(list)
        self.most_heads = 0

    def write(self, contract_id: str) -> None:
        """One writer a contract, so that its events are in id order; some of it rolls back."""
        with self.database.connect() as connection:
            while not self.writing.is_set():
                event = insert_note(connection, contract_id)
                if random.random() < 0.1:
                    connection.rollback()
                else:
                    connection.commit()
                    self.written[contract_id].append(event)
                time.sleep(random.uniform(0.0, 0.02))

    def route(self) -> None:
        """Small batches, so that lanes are met half routed."""
        router = Router(self.engine, most=3, max_bytes=10_000, worker="router")
        while not self.working.is_set():
            router.route(_index)

    def send(self, connectors: list[int]) -> None:
        """Claims, sends in name only, and settles: a tenth fails, some die with what they leased."""
        dice = random.Random()
        while not self.working.is_set():
            wants = [store.Want(one, 4, LEASE_SECONDS, None) for one in connectors]
            with self.engine.begin() as connection:
                leased = store.claim(connection, wants, most=8, token=dice.getrandbits(62), worker="sender").leased
            for one in leased:
                self.sends[one.connector_id, one.contract_id].append(one.event_id)
            if not leased or dice.random() < 0.03:
                time.sleep(0.005)
                continue
            made = [
                attempt(one, REFUSED, settled=None, delay_seconds=0.01) if dice.random() < 0.1 else attempt(one)
                for one in leased
            ]
            with self.engine.begin() as connection:
                store.settle(connection, made, worker="sender")

    def watch(self) -> None:
        """No lane has two heads at any moment."""
        with self.database.connect(autocommit=True) as connection:
            while not self.working.is_set():
                row = connection.execute(
                    "SELECT coalesce(max(heads), 0) FROM (SELECT count(*) FILTER (WHERE ready) AS heads"
                    " FROM outbox.queue GROUP BY connector_id, contract_id) AS lane"
                ).fetchone()
                self.most_heads = max(self.most_heads, int(str(row[0] if row else 0)))
                time.sleep(0.02)


def _index(connection: Connection) -> ConnectorIndex:
    return ConnectorIndex(load_connectors(connection, SecretBox(())))


def _drained(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    row = connection.execute("SELECT EXISTS (TABLE outbox.inbox) OR EXISTS (TABLE outbox.queue)").fetchone()
    return row == (False,)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("isolation", "seconds"),
    [
        ("read committed", 2.0),
        ("serializable", 1.5),
        pytest.param("read committed", 60.0, marks=pytest.mark.soak),
    ],
)
def test_lanes_keep_their_order_and_none_gets_stuck(database: Database, isolation: str, seconds: float) -> None:
    """Routers against routers against settlers, whatever isolation the database defaults to.

    Every event is sent, in its contract's order, none before the one before it ended; no lane is left without a head
    or seen with two; every delivery ends with exactly one ok and numbers without a gap.
    """
    with connect(database) as sql:
        connectors = [insert_connector(sql, name) for name in ("crm", "erp")]
        sql.execute(f"ALTER DATABASE {database.name} SET default_transaction_isolation = '{isolation}'".encode())
    storm = Storm(database)
    works: list[Callable[[], None]] = [lambda contract=contract: storm.write(contract) for contract in CONTRACTS]  # type: ignore[misc]
    works += [storm.route, storm.route, storm.watch]
    works += [lambda: storm.send(connectors)] * 3
    with threads(*works) as raised, connect(database) as sql:
        time.sleep(seconds)
        storm.writing.set()
        deadline = time.monotonic() + 4 * (15 + seconds)
        while not (drained := _drained(sql)) and time.monotonic() < deadline:
            time.sleep(0.05)
        storm.working.set()
    with storm.engine.begin() as connection:
        stuck = mend_lanes(connection)
    storm.engine.dispose()

    assert raised == []
    assert (drained, stuck, storm.most_heads) == (True, 0, 1)
    assert sum(map(len, storm.written.values())) > 30
    for (_, contract), sent in storm.sends.items():
        first_sends = list(dict.fromkeys(sent))
        assert first_sends == storm.written[contract]
        assert sent == sorted(sent), "an event was sent again after a later one of its contract"
    _check_attempts(database, deliveries=2 * sum(map(len, storm.written.values())))


def _check_attempts(database: Database, *, deliveries: int) -> None:
    """Each delivery has one ok, and numbers 1..k."""
    with connect(database) as sql:
        rows = sql.execute(
            "SELECT count(*), count(*) FILTER (WHERE oks = 1 AND numbers = last) FROM ("
            " SELECT count(*) FILTER (WHERE settled = %s) AS oks, count(*) FILTER (WHERE NOT late) AS numbers,"
            " max(number) AS last FROM outbox.attempt GROUP BY event_id, connector_id) AS delivery",
            [Settled.DELIVERED.value],
        ).fetchone()
    assert rows == (deliveries, deliveries)
