"""SIGKILL at every hop: what the database and the receiver show says when, and a second daemon takes over."""

import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import HURRY, daemon, ends_well, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note, insert_open
from tests.leases import attempts_of
from tests.program import program
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import numbers, wait_for

TIMEOUT_SECONDS = 1.0
LEASE_SECONDS = TIMEOUT_SECONDS + float(HURRY["RELAY_LEASE_MARGIN_SECONDS"])
CONTRACTS = ("k1", "k2", "k3")


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


@dataclass(frozen=True)
class Scene:
    """A daemon about to be killed, and all that the killer can see."""

    database: Database
    sql: Connection
    crm: Receiver
    process: "subprocess.Popen[str]"
    connector: int

    def kill(self) -> None:
        """SIGKILL; what it had leased then is leased for no longer than a lease."""
        self.process.kill()
        self.process.wait()
        longest = self.sql.execute(
            "SELECT coalesce(max(extract(epoch FROM due_at - leased_at)), 0) FROM outbox.queue"
            " WHERE lease_token IS NOT NULL"
        ).fetchall()[0][0]
        assert float(str(longest)) < LEASE_SECONDS + 0.1

    def note(self) -> list[int]:
        """One event for each contract."""
        return [insert_note(self.sql, contract) for contract in CONTRACTS]

    @contextmanager
    def locked(self, lock: str, *, waiting: str) -> Iterator[Connection]:
        """Kills it at the end of the block, as soon as its `waiting` connection waits for the lock."""
        with self.database.connect() as locker:
            locker.execute(lock.encode())
            yield locker
            wait_for(lambda: self._waits(waiting))
            self.kill()
            locker.commit()

    def _waits(self, name: str) -> bool:
        return self.sql.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND application_name = %s",
            [f"contract-outbox {name}"],
        ).fetchall() != [(0,)]


def while_routing(scene: Scene) -> list[int]:
    """Deliveries are written and not committed."""
    with scene.locked("LOCK TABLE outbox.decision IN SHARE MODE", waiting="claim"):
        return scene.note()


def before_the_claim(scene: Scene) -> list[int]:
    """The claim is under way: its statement ends after its worker did, and nobody commits it."""
    with scene.locked("LOCK TABLE outbox.queue IN SHARE MODE", waiting="claim") as locker:
        return [insert_open(locker, scene.connector, contract) for contract in CONTRACTS]


def before_the_send(scene: Scene) -> list[int]:
    """Leased, and still waiting for the receiver to take the connection."""
    with full_listener() as url:
        _move(scene, url)
        events = scene.note()
        wait_for(lambda: _leased(scene.sql) == len(events))
        scene.kill()
    _move(scene, scene.crm.url)
    return events


def while_sending(scene: Scene) -> list[int]:
    """The receiver has the reports and has not answered."""
    scene.crm.answer = _slow_at_first
    events = scene.note()
    wait_for(lambda: len(scene.crm.received) == len(events))
    scene.kill()
    return events


def while_settling(scene: Scene) -> list[int]:
    """Answered; the settle's statement is under way, and nobody commits it."""
    scene.crm.answer = _slow_at_first
    events = scene.note()
    wait_for(lambda: len(scene.crm.received) == len(events))
    with scene.locked("SELECT FROM outbox.queue FOR UPDATE", waiting="settle"):
        return events


def after_the_settle(scene: Scene) -> list[int]:
    """On record: a kill changes nothing any more."""
    events = scene.note()
    wait_for(lambda: open_deliveries(scene.sql) == 0)
    scene.kill()
    return events


def _slow_at_first(got: Received) -> Answer:
    return Answer(seconds=0.7 if got.headers["outbox-attempt"] == "1" else 0.0)


def _leased(sql: Connection) -> object:
    return sql.execute("SELECT count(*) FROM outbox.queue WHERE lease_token IS NOT NULL").fetchall()[0][0]


def _move(scene: Scene, url: str) -> None:
    scene.sql.execute(
        "UPDATE outbox.connector SET url = %s, version = version + 1 WHERE id = %s", [url, scene.connector]
    )


@contextmanager
def full_listener() -> Iterator[str]:
    """The URL of a port that listens and takes no further connection: who connects waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting: list[socket.socket] = []
        try:
            while _connects(listener, waiting):
                pass
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        finally:
            for one in waiting:
                one.close()


def _connects(listener: socket.socket, waiting: list[socket.socket]) -> bool:
    waiting.append(socket.socket())
    waiting[-1].settimeout(0.1)
    try:
        waiting[-1].connect(listener.getsockname())
    except TimeoutError:
        return False
    return True


ONCE, AGAIN = (["1"], ["ok"]), (["1", "2"], ["lost", "ok"])
HOPS: dict[Callable[[Scene], list[int]], tuple[list[str], list[str]]] = {
    while_routing: ONCE,
    before_the_claim: ONCE,
    before_the_send: (["2"], ["lost", "ok"]),
    while_sending: AGAIN,
    while_settling: AGAIN,
    after_the_settle: ONCE,
}
"""For each moment of the kill: the attempts that reach the receiver, and those on record."""


@pytest.mark.parametrize("hop", HOPS, ids=lambda hop: hop.__name__)
def test_killed_at_any_hop_nothing_is_lost(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path, hop: Callable[[Scene], list[int]]
) -> None:
    """Only what may have been sent is sent again, once, under the same id; the lost attempt is on record."""
    outbox = program(tmp_path, database.url, **HURRY)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=TIMEOUT_SECONDS)
    with daemon(outbox, sql) as process:
        events = hop(Scene(database, sql, crm, process, connector))
    with daemon(outbox, sql) as successor:
        wait_for(lambda: open_deliveries(sql) == 0)
        ends_well(successor, seconds=30)

    sent, kept = HOPS[hop]
    assert sorted(numbers(crm)) == [(f"dlv_{event}_{connector}", number) for event in events for number in sent]
    assert [[row[:2] for row in attempts_of(sql, event)] for event in events] == [
        [(int(row_number), outcome) for row_number, outcome in enumerate(kept, 1)]
    ] * len(events)
    assert _settled(sql) == dict.fromkeys(events, 1)


def test_killed_in_the_middle_of_a_batch_only_the_rest_of_it_is_sent_again(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """Half of a batch is settled, and its lanes moved on; the other half, in flight, is sent once more."""
    outbox = program(tmp_path, database.url, **HURRY)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=1.5, max_in_flight=16)
    stuck: set[str] = set()
    crm.answer = lambda got: Answer(
        seconds=1.4 if got.headers["webhook-id"] in stuck and got.headers["outbox-attempt"] == "1" else 0.0
    )
    with daemon(outbox, sql) as process:
        with database.connect() as writer:
            swift = [insert_note(writer, f"k{n}") for n in range(6)]
            slow = [insert_note(writer, f"s{n}") for n in range(6)]
            stuck |= {f"dlv_{event}_{connector}" for event in slow}
            writer.commit()
            after = [insert_note(writer, contract) for contract in ("k0", "s0")]
            writer.commit()
        wait_for(lambda: len(_settled(sql)) == 7 and len(crm.received) == 13)
        process.kill()
        process.wait()
    with daemon(outbox, sql) as successor:
        wait_for(lambda: open_deliveries(sql) == 0)
        ends_well(successor, seconds=30)

    came = Counter(name for name, _ in numbers(crm))
    assert came == {f"dlv_{event}_{connector}": 2 if event in slow else 1 for event in (*swift, *slow, *after)}
    assert {event: [row[1] for row in attempts_of(sql, event)] for event in (*swift, *slow, *after)} == {
        event: ["lost", "ok"] if event in slow else ["ok"] for event in (*swift, *slow, *after)
    }


def _settled(sql: Connection) -> dict[object, object]:
    """How often each event was settled as delivered."""
    rows = sql.execute("SELECT event_id, count(*) FROM outbox.attempt WHERE settled = 'delivered' GROUP BY event_id")
    return {row[0]: row[1] for row in rows}
