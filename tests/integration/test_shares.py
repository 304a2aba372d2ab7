"""Shares of limits and rates between workers on one database: who has how much, and for how long."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

import pytest

from outbox.model import Connector
from outbox.room import Room
from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector
from tests.relays import in_thread, wait_for
from tests.slots import HoldingTransport, SendingWorker

Make = Callable[..., SendingWorker]


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def worker(database: Database) -> Iterator[Make]:
    """Makes workers, each with a transport of its own; they live until they leave."""
    made: list[SendingWorker] = []

    def make(name: str, *, heartbeat_seconds: float = 1.0) -> SendingWorker:
        made.append(SendingWorker(database.engine, name, HoldingTransport(), heartbeat_seconds=heartbeat_seconds))
        return made[-1]

    yield make
    for one in made:
        one.close()


def shares(sql: Connection) -> dict[str, int]:
    """Slots by worker."""
    rows = sql.execute("SELECT worker, sum(slots) FROM outbox.share GROUP BY 1").fetchall()
    return {str(name): int(str(slots)) for name, slots in rows}


def test_alone_a_worker_has_all_at_once(worker: Make, sql: Connection) -> None:
    """Of every connector that is not removed; before it asked it has nothing."""
    crm, erp = insert_connector(sql), insert_connector(sql, "erp", max_in_flight=3)
    gone = insert_connector(sql, "gone", removed_at="now")
    one = worker("a")
    assert one.free(crm, erp, gone) == [0, 0, 0]

    assert one.renew()

    assert one.free(crm, erp, gone) == [8, 3, 0]
    one.send(crm, 6)
    one.send(erp, 3)
    assert one.free(crm, erp) == [2, 0]


def test_a_second_worker_gets_its_part_as_the_first_lets_go(worker: Make, sql: Connection) -> None:
    """It waits for that; the sum never exceeds the limit, and what is in flight is not taken away."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    one.renew()
    assert not two.renew()
    assert two.free(crm) == [0]

    one.send(crm, 6)
    one.renew()
    assert shares(sql) == {"a": 6}
    assert one.free(crm) == [0]
    assert two.renew()
    assert two.free(crm) == [2]

    one.end(crm, 5)
    assert one.free(crm) == [3]
    one.renew()
    two.renew()

    assert shares(sql) == {"a": 4, "b": 4}
    assert (one.free(crm), two.free(crm)) == ([3], [4])


def test_what_is_claimed_for_a_share_that_shrank_meanwhile_waits_for_its_turn(worker: Make, sql: Connection) -> None:
    """A renewal between the wish and the claim takes slots away: the rest of the claim is sent as sends end."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    one.renew()
    two.renew()
    assert one.free(crm) == [8]
    one.renew()
    two.renew()
    assert shares(sql) == {"a": 4, "b": 4}

    one.start(crm, 8)
    two.send(crm, 4)
    wait_for(lambda: one.transport.in_flight == 4)
    assert (one.pool.sending(crm), one.pool.held(crm)) == (4, 8)
    one.transport.let_go(8)

    assert [sent.response is not None for sent in one.collect(8)] == [True] * 8
    assert (one.transport.most, one.transport.sent) == (4, 8)


def test_what_is_claimed_for_a_share_that_is_gone_meanwhile_comes_back_unsent(worker: Make, sql: Connection) -> None:
    """So does what waits for a turn when the last slot goes; what is in flight is counted until it ends."""
    crm = insert_connector(sql, max_in_flight=1)
    one, two = (worker(name) for name in ("ab" if crm % 2 else "ba"))  # of a limit of one, b has the odd connectors
    one.renew()
    one.send(crm, 1)
    waiting = one.start(crm)
    two.renew()
    one.renew()
    claimed = one.start(crm)

    arrived = one.collect(2)
    assert [(sent.leased, sent.response) for sent in arrived] == [(waiting[0], None), (claimed[0], None)]
    assert not two.renew()
    assert shares(sql) == {"a" if crm % 2 else "b": 1}

    one.end(crm, 1)
    one.renew()
    assert two.renew()
    assert (one.free(crm), two.free(crm), one.transport.sent) == ([0], [1], 1)


def test_what_is_over_a_smaller_share_ends_before_anything_starts(worker: Make, sql: Connection) -> None:
    """However much waits here: else a busy worker would never give its slots to the others."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    one.renew()
    one.send(crm, 6)
    two.renew()
    one.renew()
    one.start(crm, 4)

    one.transport.let_go(2)
    one.collect(2)
    wait_for(lambda: one.pool.sending(crm) == one.transport.in_flight == 4)
    one.renew()
    assert shares(sql) == {"a": 4}
    one.transport.let_go(2)
    one.collect(2)

    wait_for(lambda: one.transport.sent == 8)
    assert one.pool.sending(crm) == 4


def test_a_share_that_grows_starts_what_waits(worker: Make, sql: Connection) -> None:
    """At once, from the heartbeat's thread: the relay's may be waiting for answers."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    for each in (one, two, one, two):
        each.renew()
    one.start(crm, 8)
    wait_for(lambda: one.transport.in_flight == 4)
    two.capacity.leave()

    with in_thread(one.renew):
        """The threads there are do nothing but hang; more are started where answers are collected."""
    wait_for(lambda: one.pool.collect(wait_seconds=0.05) == [] and one.transport.in_flight == 8)


def test_a_worker_that_leaves_frees_its_share_at_once(worker: Make, sql: Connection) -> None:
    """One that ran once leaves no row. Whoever left sends nothing more."""
    crm = insert_connector(sql)
    one, two, three = worker("a"), worker("b"), worker("c")
    for each in (one, two, three, one, two, three):
        each.renew()
    one.capacity.leave()
    two.capacity.leave(forget=True)
    assert not one.renew(), "a heartbeat that comes after the end must not take shares again"
    assert one.free(crm) == [0]
    one.start(crm)
    assert [sent.response for sent in one.collect(1)] == [None]

    three.renew()

    assert three.free(crm) == [8]
    assert sql.execute("SELECT name, stopped_at IS NULL FROM outbox.worker ORDER BY 1").fetchall() == [
        ("a", False),
        ("c", True),
    ]


@pytest.mark.parametrize(("gone_for", "slots"), [(7, 4), (19, 4), (21, 8)])
def test_a_worker_that_vanished_keeps_its_share_while_it_may_be_sending(
    worker: Make, sql: Connection, gone_for: int, slots: int
) -> None:
    """The right to start lasts five heartbeats, an exchange the connector's fifteen seconds."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    for each in (one, two, one, two):
        each.renew()
    sql.execute("UPDATE outbox.worker SET seen_at = seen_at - make_interval(secs => %s) WHERE name = 'a'", [gone_for])

    two.renew()

    assert two.free(crm) == [slots]


def test_a_worker_that_cannot_ask_stops_by_itself(worker: Make, sql: Connection) -> None:
    """After five heartbeats, what waits here too; and again it has only what the others left it meanwhile."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.1), worker("b")
    one.renew()
    assert one.free(crm) == [8]
    one.start(crm, 9, timeout_seconds=0.1)
    wait_for(lambda: one.transport.in_flight == 8)
    time.sleep(0.7)
    one.transport.let_go(8)
    assert sorted(sent.response is None for sent in one.collect(9)) == [False] * 8 + [True]
    assert one.free(crm) == [0]
    two.renew()
    assert two.free(crm) == [8]

    one.renew()
    assert one.free(crm) == [0]
    two.renew()
    one.renew()

    assert (one.free(crm), two.free(crm), one.transport.sent) == ([4], [4], 8)


def test_one_that_comes_back_after_all_others_left_asks_again(worker: Make, sql: Connection) -> None:
    """The same crew as before its absence proves nothing: its rows were taken back."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.1), worker("b")
    one.renew()
    time.sleep(0.7)
    two.renew()
    two.capacity.leave()
    assert shares(sql) == {}

    one.renew()

    assert shares(sql) == {"a": 8}
    assert one.free(crm) == [8]


def test_a_heartbeat_that_came_too_late_proves_nothing(worker: Make, sql: Connection, database: Database) -> None:
    """It was asked in time and hung: its commit may be after the others took the shares back."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.4), worker("b")
    one.renew()
    until = one.capacity.until
    time.sleep(1.5)
    with database.connect() as locking:
        locking.execute("SELECT FROM outbox.worker WHERE name = 'a' FOR UPDATE")
        with in_thread(one.renew):
            wait_for(lambda: sql.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall() != [])
            assert time.monotonic() < until, "it was not asked in time: the test proves nothing"
            time.sleep(until + 0.3 - time.monotonic())
            two.renew()
            two.capacity.leave()
            locking.rollback()

    assert (one.free(crm), shares(sql)) == ([0], {})
    one.renew()
    assert (one.free(crm), shares(sql)) == ([8], {"a": 8})


def test_a_renewal_that_changes_nothing_writes_no_share(worker: Make, sql: Connection) -> None:
    """The heartbeat is all: shares are not even read, and wait for nobody."""
    insert_connector(sql)
    one = worker("a")
    one.renew()
    with sql.transaction():
        sql.execute("LOCK outbox.share")
        sql.execute("SELECT pg_advisory_xact_lock(7231003)")
        assert not one.renew()


def test_a_limit_that_is_edited_is_divided_anew(worker: Make, sql: Connection) -> None:
    """Down: what is in flight may end. Removed: nothing is left of it, and what waits comes back unsent."""
    crm = insert_connector(sql)
    one = worker("a")
    one.renew()
    one.send(crm, 5)
    sql.execute("UPDATE outbox.connector SET max_in_flight = 2")
    one.renew()
    assert shares(sql) == {"a": 5}
    assert one.free(crm) == [0]

    one.end(crm, 5)
    one.renew()
    assert one.free(crm) == [2]
    assert shares(sql) == {"a": 2}

    one.send(crm, 2)
    one.start(crm)
    sql.execute("UPDATE outbox.connector SET removed_at = now()")
    one.renew()
    assert [sent.response for sent in one.collect(1)] == [None]
    one.end(crm, 2)
    assert (one.free(crm), shares(sql), one.transport.sent) == ([0], {}, 7)


def test_a_rate_lets_so_many_go_in_a_second_and_says_how_long_to_wait(worker: Make, sql: Connection) -> None:
    """Half of it for each of two; what was not claimed is not spent; where nothing more waits there is no pause."""
    crm = insert_connector(sql, rate_per_second=20.0, max_in_flight=100)
    connector = Connector(crm, 1, "crm", ("bu1",), frozenset(), "https://crm.example/hook", max_in_flight=100)
    one, two = worker("a"), worker("b")
    rooms = [Room(each.pool, each.capacity, lease_margin_seconds=5.0, dice=random.random) for each in (one, two)]
    for each in (one, two, one, two):
        each.renew()
    time.sleep(1.1)
    assert one.capacity.wait_seconds(crm) == 0
    wants = [room.wants([connector]) for room in rooms]
    assert [[want.take for want in wanted] for wanted in wants] == [[10], [10]]

    for each, room, wanted, number in zip((one, two), rooms, wants, (10, 4), strict=True):
        room.note_claimed(wanted, each.start(crm, number), most=1000, at=datetime.now(UTC))
    pause = rooms[0].pause_seconds([connector])
    assert pause is not None
    assert pause <= 0.1
    assert rooms[1].pause_seconds([connector]) is None
    assert rooms[1].wants([connector])[0].take >= 6


def live(one: SendingWorker, crm: int, dice: random.Random, until: float) -> None:
    """Sends at random, more than there is room for too, with a heartbeat beside it that fails now and then; leaves."""
    leaving = threading.Event()

    def beat() -> None:
        while not leaving.wait(dice.uniform(0.001, 0.02)):
            one.renew()
            if dice.random() < 0.02:  # so long that it may start nothing; or that the others take its share
                leaving.wait(dice.choice((0.7, 1.8)))

    with in_thread(beat):
        for _ in range(dice.randrange(10, 120)):
            if time.monotonic() > until:
                break
            one.start(crm, dice.randint(0, 1 + 2 * sum(one.free(crm))), timeout_seconds=1.0)
            one.transport.let_go(dice.randint(0, one.transport.in_flight))
            one.pool.collect(wait_seconds=0.01)
        one.pool.take_back()
        while len(one.pool):
            one.pool.collect(wait_seconds=0.1)
        leaving.set()
    one.capacity.leave()


def test_many_workers_in_a_hurry_never_exceed_the_limit(database: Database, sql: Connection) -> None:
    """Five that send, renew, fall silent, leave and come back at random: what is in flight at the receiver decides."""
    crm = insert_connector(sql, max_in_flight=7, timeout_seconds=1.0)
    receiving, until = HoldingTransport(hold_seconds=0.1), time.monotonic() + 5

    def work(name: str) -> None:
        dice = random.Random(name)
        while time.monotonic() < until:
            live(SendingWorker(database.engine, name, receiving, heartbeat_seconds=0.1), crm, dice, until)

    with ExitStack() as running:
        for name in "abcde":
            running.enter_context(in_thread(partial(work, name)))

    assert receiving.most == 7
    assert receiving.sent > 100
    wait_for(lambda: shares(sql) == {})
