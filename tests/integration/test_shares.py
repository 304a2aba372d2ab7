"""Shares of limits and rates between workers on one database: who has how much, and for how long."""

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from outbox.capacity import Capacity
from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector
from tests.relays import in_thread, wait_for

Make = Callable[..., Capacity]


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def worker(database: Database) -> Make:
    """Makes workers' capacities; they live until they leave."""

    def make(name: str, *, heartbeat_seconds: float = 1.0) -> Capacity:
        return Capacity(database.engine, name=name, transport="requests", heartbeat_seconds=heartbeat_seconds)

    return make


def shares(sql: Connection) -> dict[str, int]:
    """Slots by worker."""
    rows = sql.execute("SELECT worker, sum(slots) FROM outbox.share GROUP BY 1").fetchall()
    return {str(name): int(str(slots)) for name, slots in rows}


def room(one: Capacity, busy: dict[int, int] | None = None) -> dict[int, int]:
    """What it could claim, not claimed; connectors without room left out."""
    busy = busy or {}
    found = one.room(busy)
    one.taken({}, {}, busy)
    return {connector_id: slots for connector_id, slots in found.items() if slots}


def test_alone_a_worker_has_all_at_once(worker: Make, sql: Connection) -> None:
    """Of every connector that is not removed; before it asked it has nothing."""
    crm, erp = insert_connector(sql), insert_connector(sql, "erp", max_in_flight=3)
    insert_connector(sql, "gone", removed_at="now")
    one = worker("a")
    assert room(one) == {}

    assert one.renew()

    assert room(one) == {crm: 8, erp: 3}
    assert room(one, {crm: 6, erp: 3}) == {crm: 2}


def test_a_second_worker_gets_its_part_as_the_first_lets_go(worker: Make, sql: Connection) -> None:
    """It waits for that; the sum never exceeds the limit, and what is in flight is not taken away."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    one.renew()
    assert not two.renew()
    assert room(two) == {}

    one.room({crm: 6})
    one.taken({}, {}, {crm: 6})
    one.renew()
    assert shares(sql) == {"a": 6}
    assert room(one, {crm: 6}) == {}
    assert two.renew()
    assert room(two) == {crm: 2}

    one.taken({}, {}, {crm: 1})
    assert room(one, {crm: 1}) == {crm: 3}
    one.renew()
    two.renew()

    assert shares(sql) == {"a": 4, "b": 4}
    assert (room(one), room(two)) == ({crm: 4}, {crm: 4})


def test_what_is_being_claimed_counts_as_in_flight(worker: Make, sql: Connection) -> None:
    """A renewal between the wish and the claim takes nothing away that the claim may still bring."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    one.renew()
    two.renew()

    assert one.room({}) == {crm: 8}
    one.renew()
    assert shares(sql) == {"a": 8}
    one.taken({crm: 8}, {crm: 1}, {crm: 1})
    one.renew()

    assert shares(sql) == {"a": 4}


def test_a_worker_that_leaves_frees_its_share_at_once(worker: Make, sql: Connection) -> None:
    """One that ran once leaves no row."""
    crm = insert_connector(sql)
    one, two, three = worker("a"), worker("b"), worker("c")
    for each in (one, two, three, one, two, three):
        each.renew()
    one.leave()
    two.leave(forget=True)
    assert not one.renew(), "a heartbeat that comes after the end must not take shares again"
    assert room(one) == {}

    three.renew()

    assert room(three) == {crm: 8}
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

    assert room(two) == {crm: slots}


def test_a_worker_that_cannot_ask_stops_by_itself(worker: Make, sql: Connection) -> None:
    """After five heartbeats; and again it has only what the others left it meanwhile."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.1), worker("b")
    one.renew()
    assert room(one) == {crm: 8}
    time.sleep(0.7)
    assert room(one) == {}
    two.renew()
    assert room(two) == {crm: 8}

    one.renew()
    assert room(one) == {}
    two.renew()
    one.renew()

    assert (room(one), room(two)) == ({crm: 4}, {crm: 4})


def test_one_that_comes_back_after_all_others_left_asks_again(worker: Make, sql: Connection) -> None:
    """The same crew as before its absence proves nothing: its rows were taken back."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.1), worker("b")
    one.renew()
    time.sleep(0.7)
    two.renew()
    two.leave()
    assert shares(sql) == {}

    one.renew()

    assert shares(sql) == {"a": 8}
    assert room(one) == {crm: 8}


def test_a_heartbeat_that_came_too_late_proves_nothing(worker: Make, sql: Connection, database: Database) -> None:
    """It was asked in time and hung: its commit may be after the others took the shares back."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.4), worker("b")
    one.renew()
    until = one.until
    time.sleep(1.5)
    with database.connect() as locking:
        locking.execute("SELECT FROM outbox.worker WHERE name = 'a' FOR UPDATE")
        with in_thread(one.renew):
            wait_for(lambda: sql.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall() != [])
            assert time.monotonic() < until, "it was not asked in time: the test proves nothing"
            time.sleep(until + 0.3 - time.monotonic())
            two.renew()
            two.leave()
            locking.rollback()

    assert (room(one), shares(sql)) == ({}, {})
    one.renew()
    assert (room(one), shares(sql)) == ({crm: 8}, {"a": 8})


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
    """Down: what is in flight may end. Removed: nothing is left of it."""
    crm = insert_connector(sql)
    one = worker("a")
    one.renew()
    one.taken({}, {}, {crm: 5})
    sql.execute("UPDATE outbox.connector SET max_in_flight = 2")
    one.renew()
    assert shares(sql) == {"a": 5}
    assert room(one, {crm: 5}) == {}

    one.taken({}, {}, {})
    one.renew()
    assert room(one) == {crm: 2}

    sql.execute("UPDATE outbox.connector SET removed_at = now()")
    one.renew()
    assert (room(one), shares(sql)) == ({}, {})


def test_a_rate_lets_so_many_go_in_a_second_and_says_how_long_to_wait(worker: Make, sql: Connection) -> None:
    """Half of it for each of two; what was not claimed is not spent; where nothing more waits there is no pause."""
    crm = insert_connector(sql, rate_per_second=20.0, max_in_flight=100)
    one, two = worker("a"), worker("b")
    for each in (one, two, one, two):
        each.renew()
    time.sleep(1.1)
    assert one.pause_seconds() is None
    assert one.room({}) == {crm: 10}

    one.taken({crm: 10}, {crm: 10}, {crm: 10})
    pause = one.pause_seconds()
    assert pause is not None
    assert pause <= 0.1
    assert two.room({}) == {crm: 10}
    two.taken({crm: 10}, {crm: 4}, {crm: 4})

    assert two.pause_seconds() is None
    assert two.room({crm: 4})[crm] >= 6


def test_many_workers_in_a_hurry_never_exceed_the_limit(worker: Make, sql: Connection) -> None:
    """Five that send, renew, leave and come back at random, by threads: the receiver's count decides."""
    crm = insert_connector(sql, max_in_flight=7, timeout_seconds=0.2)
    counting, at_once, most, sent, until = threading.Lock(), [0], [0], [0], time.monotonic() + 4

    def count(change: int) -> None:
        with counting:
            at_once[0] += change
            most[0] = max(most[0], at_once[0])
            sent[0] += max(0, change)

    def work(name: str) -> None:
        dice = random.Random(name)
        while time.monotonic() < until:
            one = worker(name, heartbeat_seconds=0.5)
            busy = 0
            for _ in range(dice.randrange(5, 40)):
                if dice.random() < 0.4:
                    one.renew()
                free = one.room({crm: busy}).get(crm, 0)
                started = dice.randint(0, free)
                count(started)
                busy += started
                one.taken({crm: free}, {crm: started}, {crm: busy})
                time.sleep(0.002)
                ended = dice.randint(0, busy)
                count(-ended)
                busy -= ended
            count(-busy)
            one.leave()

    with in_thread(lambda: work("a")), in_thread(lambda: work("b")), in_thread(lambda: work("c")):
        work("d")

    assert most[0] == 7
    assert sent[0] > 100
    wait_for(lambda: shares(sql) == {})
