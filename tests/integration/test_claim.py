"""Claim and promote: which deliveries may be sent, by whom, in what order; and who runs a periodic job."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from outbox import store, worker
from outbox.capacity import Capacity
from outbox.clock import DatabaseClock
from outbox.mending import arrange_lanes, mend_lanes
from outbox.model import Settled
from outbox.room import FIRST_BYTES, MOST_BYTES, MOST_HERE, Room
from outbox.send_pool import SendPool
from outbox.sender import make_transport
from outbox.settings import Sender
from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector, insert_open
from tests.leases import OK, REFUSED, attempt, attempts_of, claim, queue, settle


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with."""
    with connect(database) as connection:
        yield connection


@pytest.mark.parametrize("nested_loops", [False, True], ids=["planner's choice", "forced nested loops"])
def test_a_claim_never_takes_more_than_its_limits(database: Database, sql: Connection, *, nested_loops: bool) -> None:
    """Neither of one connector nor in all, whatever the plan."""
    connectors = [insert_connector(sql, f"c{n}", lane_order="none") for n in range(3)]
    for n in range(30):
        insert_open(sql, connectors[n % 3], f"k{n}")
    sql.execute("ANALYZE outbox.queue")
    wants = [store.Want(one, 4, 30.0, None) for one in connectors]

    with database.engine.begin() as connection:
        if nested_loops:
            for plan in ("hashjoin", "mergejoin", "material", "seqscan", "sort"):
                connection.execute(text(f"SET LOCAL enable_{plan} = off"))
        each = store.claim(connection, wants, most=100, token=1, worker="w1").leased
        few = store.claim(connection, wants, most=5, token=2, worker="w1").leased

    assert [sum(one.connector_id == connector for one in each) for connector in connectors] == [4, 4, 4]
    assert len(few) == 5
    assert sql.execute("SELECT count(*) FROM outbox.queue WHERE lease_token IS NOT NULL").fetchone() == (17,)


def test_only_wanted_connectors_are_claimed(database: Database, sql: Connection) -> None:
    """A connector that has no room, is held or disabled is not in the wish: its deliveries stay."""
    crm, erp = insert_connector(sql), insert_connector(sql, "erp")
    insert_open(sql, crm)
    wanted = insert_open(sql, erp)

    assert [one.event_id for one in claim(database, erp)] == [wanted]


def test_a_low_watermark_hides_what_is_older_until_it_is_dropped(database: Database, sql: Connection) -> None:
    """Dropping the bound is part of correctness: what was due before it is found then."""
    crm = insert_connector(sql)
    old = insert_open(sql, crm, "k1", due_in=-60)
    new = insert_open(sql, crm, "k2", due_in=-1)
    low = datetime.now(UTC) - timedelta(seconds=30)

    assert [one.event_id for one in claim(database, crm, low=low)] == [new]
    assert [one.event_id for one in claim(database, crm, low=None)] == [old]


def test_two_workers_at_once_never_lease_the_same_delivery(database: Database, sql: Connection) -> None:
    """Every delivery is claimed by exactly one of eight workers."""
    crm = insert_connector(sql, lane_order="none")
    for n in range(200):
        insert_open(sql, crm, f"k{n}")
    leased: list[int] = []

    def work(number: int) -> None:
        while got := claim(database, crm, token=number, name=f"w{number}", take=7):
            leased.extend(one.event_id for one in got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(leased) == 200
    assert len(set(leased)) == 200


@pytest.mark.parametrize("settled", [Settled.DELIVERED, Settled.DEAD])
def test_only_the_head_of_a_lane_is_claimed_until_it_is_settled_for_good(
    database: Database, sql: Connection, settled: Settled
) -> None:
    """While it retries, its contract waits; other contracts don't; then the next in order is promoted, due now."""
    crm = insert_connector(sql)
    first = insert_open(sql, crm, "k1")
    second = insert_open(sql, crm, "k1", ready=False)
    third = insert_open(sql, crm, "k1", ready=False)
    other = insert_open(sql, crm, "k2")
    leased = {one.event_id: one for one in claim(database, crm)}
    assert set(leased) == {first, other}

    settle(database, attempt(leased[first], REFUSED, settled=None, delay_seconds=0.0))
    head = claim(database, crm, token=2)
    assert [one.event_id for one in head] == [first]
    settle(database, attempt(head[0], OK if settled is Settled.DELIVERED else REFUSED, settled=settled))

    assert queue(sql, "event_id, ready") == [(second, True), (third, False), (other, True)]
    row = sql.execute(
        "SELECT due_at > clock_timestamp() - interval '2 s' FROM outbox.queue WHERE ready AND event_id = %s", [second]
    )
    assert row.fetchone() == (True,)


def test_a_batch_that_ends_several_lanes_promotes_each(database: Database, sql: Connection) -> None:
    """Of every lane whose head went, and of no other connector's."""
    crm, erp = insert_connector(sql), insert_connector(sql, "erp")
    for connector in (crm, erp):
        for contract in ("k1", "k2"):
            insert_open(sql, connector, contract)
            insert_open(sql, connector, contract, ready=False)

    settle(database, *(attempt(one) for one in claim(database, crm)))

    assert sql.execute(
        "SELECT connector_id, count(*), count(*) FILTER (WHERE ready) FROM outbox.queue GROUP BY 1 ORDER BY 1"
    ).fetchall() == [(crm, 2, 2), (erp, 4, 2)]


def test_a_stuck_lane_is_mended(database: Database, sql: Connection) -> None:
    """The net under promoting: a lane with open rows and no head gets its first one, and is counted."""
    crm = insert_connector(sql)
    first = insert_open(sql, crm, "k1", ready=False)
    second = insert_open(sql, crm, "k1", ready=False)
    well = insert_open(sql, crm, "k2")

    with database.engine.begin() as connection:
        assert mend_lanes(connection) == 1
        assert mend_lanes(connection) == 0

    assert queue(sql, "event_id, ready") == [(first, True), (second, False), (well, True)]


def test_lanes_follow_their_connectors_order_when_it_changes(database: Database, sql: Connection) -> None:
    """Given up, nothing is blocked any more; asked for, each lane's first row alone is ready, and what is leased."""
    crm = insert_connector(sql)
    insert_connector(sql, "erp")
    rows = [insert_open(sql, crm, f"k{n % 2}", ready=n < 2, due_in=-60 if n < 2 else 3600) for n in range(6)]
    assert arrange_lanes(database.engine, most=1) == 0

    sql.execute("UPDATE outbox.connector SET lane_order = 'none', updated_at = now() WHERE id = %s", [crm])
    assert arrange_lanes(database.engine, most=1) == 4
    assert queue(sql, "event_id, ready") == [(row, True) for row in rows]

    sql.execute("UPDATE outbox.queue SET due_at = now() WHERE event_id = %s", [rows[4]])
    claimed = sorted(claim(database, crm, take=3), key=lambda one: one.event_id)
    assert [one.event_id for one in claimed] == [rows[0], rows[1], rows[4]]
    with database.engine.begin() as connection:
        store.release(connection, claimed[:1])
    sql.execute("UPDATE outbox.connector SET lane_order = 'contract', updated_at = now() WHERE id = %s", [crm])
    assert arrange_lanes(database.engine, most=1) == 3
    ready = [row for row, is_ready in queue(sql, "event_id, ready") if is_ready]
    assert ready == [rows[0], rows[1], rows[4]]


def test_without_order_a_failing_delivery_delays_no_other(database: Database, sql: Connection) -> None:
    """All rows of a connector without order are ready, whatever became of earlier ones of their contract."""
    erp = insert_connector(sql, lane_order="none")
    first, second = insert_open(sql, erp, "k1"), insert_open(sql, erp, "k1")
    leased = claim(database, erp, take=1)
    settle(database, attempt(leased[0], REFUSED, settled=None, delay_seconds=3600.0))

    assert leased[0].event_id == first
    assert [one.event_id for one in claim(database, erp, token=2)] == [second]


def test_large_reports_are_held_in_small_numbers(database: Database, sql: Connection) -> None:
    """What a worker keeps ready is bounded by its bytes, as it learns how large bodies are."""
    crm = insert_connector(sql, lane_order="none")
    insert_open(sql, crm, "k1")
    [one] = claim(database, crm)
    pool = SendPool(make_transport(Sender()), threads=1, most_threads=1, now=DatabaseClock().now)
    capacity = Capacity(database.engine, pool, name="w1", transport="requests", heartbeat_seconds=1.0)
    room = Room(pool, capacity, lease_margin_seconds=15.0, dice=random.random)
    assert room.most * FIRST_BYTES <= MOST_BYTES

    for size, most in ((2**20, MOST_BYTES // 2**20), (1_500, MOST_HERE)):
        for _ in range(20):
            room.note_bodies([replace(one, body=b"x" * size)] * 4)
        assert room.most == pytest.approx(most, abs=1)


def test_a_late_heartbeat_revives_no_worker_that_stopped(database: Database, sql: Connection) -> None:
    """Its last sign of life may be written after its farewell; it stays gone, and nobody takes it for dead."""
    pool = SendPool(make_transport(Sender()), threads=1, most_threads=1, now=DatabaseClock().now)
    capacity = Capacity(database.engine, pool, name="w1", transport="requests", heartbeat_seconds=1.0)
    capacity.renew()
    capacity.leave()
    capacity.renew()

    assert sql.execute("SELECT stopped_at IS NOT NULL FROM outbox.worker").fetchall() == [(True,)]


def test_a_periodic_job_runs_once_in_a_slot_over_all_workers(database: Database, sql: Connection) -> None:
    """Eight ask at the same tick and one gets it; after an outage of many slots it runs once, not for each."""
    got: list[bool] = []

    def ask() -> None:
        with database.engine.begin() as connection:
            got.append(worker.tick(connection, "job", seconds=3600.0))

    def ask_all() -> int:
        got.clear()
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(got)

    assert ask_all() == 1
    sql.execute("UPDATE outbox.periodic SET last_run = last_run - interval '10 hours'")
    assert ask_all() == 1
    assert ask_all() == 0


def test_what_is_lost_twice_running_is_put_apart(database: Database, sql: Connection) -> None:
    """One row of a batch may kill its worker each time: the next time none is sent along with another.

    They are due again spread over one lease, each loss on record; what failed or was lost but once is sent at once.
    """
    connector = insert_connector(sql)
    events = [insert_open(sql, connector, f"k{n}") for n in range(4)]
    for token in (1, 2):
        assert len(claim(database, connector, token=token, lease=0.0)) == 4
    failed_between = insert_open(sql, connector, "k9")
    settle(database, attempt(claim(database, connector, token=3, lease=0.0)[0], REFUSED, settled=None))
    claim(database, connector, token=4, lease=0.0)

    assert [one.event_id for one in claim(database, connector, token=5, lease=8.0)] == [failed_between]
    assert [row[1] for event in events for row in attempts_of(sql, event)] == ["lost"] * 12
    gaps = sorted(
        float(str(row[0]))
        for row in sql.execute(
            "SELECT extract(epoch FROM due_at - clock_timestamp()) FROM outbox.queue WHERE lease_token IS NULL"
        )
    )
    assert [round(gap) for gap in gaps] == [2, 4, 6, 8]
