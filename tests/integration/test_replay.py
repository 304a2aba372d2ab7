"""Replay: what is sent again, what is brought forward, what is refused, and that two clicks are one."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from outbox import store
from outbox.errors import ConfigurationError, RefusedError
from outbox.replay import BATCH, Key, Verdict, find_delivery, judge, replay
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_open,
    insert_queued,
)
from tests.leases import attempt, attempts_of, claim


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def queue(db: Connection) -> list[tuple[Any, ...]]:
    """Event, readiness, kind, attempts, tries, and whether it is due, in lane order."""
    return db.execute(
        "SELECT event_id, ready, kind, attempts, tries, due_at <= clock_timestamp() FROM outbox.queue ORDER BY position"
    ).fetchall()


def dead_delivery(db: Connection, owner: int, contract_id: str = "k1", *, attempts: int = 2) -> int:
    """A delivery whose attempts are spent; its event's id."""
    event = insert_event(db, contract_id)
    insert_delivery(db, event, owner)
    for number in range(1, attempts + 1):
        settled = "dead" if number == attempts else None
        insert_attempt(db, event, owner, number, outcome="timeout", status_code=None, settled=settled)
    return event


def verdicts(database: Database, keys: list[Key]) -> list[Verdict]:
    """What replaying these did."""
    return [one.verdict for one in replay(database.engine, keys, asked_by="ada")]


def test_a_finished_delivery_is_queued_again_with_its_numbering(database: Database, db: Connection) -> None:
    """Dead or delivered: kind replay, due now, numbering goes on, the schedule starts anew."""
    crm = insert_connector(db)
    dead, delivered = dead_delivery(db, crm), insert_event(db, "k2")
    insert_delivery(db, delivered, crm)
    insert_attempt(db, delivered, crm)

    assert verdicts(database, [(dead, crm), (delivered, crm)]) == [Verdict.AGAIN, Verdict.AGAIN]
    assert queue(db) == [(dead, True, "replay", 2, 0, True), (delivered, True, "replay", 1, 0, True)]


def test_two_clicks_are_one_replay(database: Database, db: Connection) -> None:
    """The second finds the delivery due and changes nothing."""
    crm = insert_connector(db)
    event = dead_delivery(db, crm)
    verdicts(database, [(event, crm)])
    first = db.execute("SELECT * FROM outbox.queue").fetchall()

    assert verdicts(database, [(event, crm)]) == [Verdict.DUE]
    assert db.execute("SELECT * FROM outbox.queue").fetchall() == first


def test_many_clicks_at_once_are_one_replay(database: Database, db: Connection) -> None:
    """However many people click in one instant, one row is queued and nobody gets an error."""
    crm = insert_connector(db)
    event = dead_delivery(db, crm)
    done: list[Verdict] = []

    def click() -> None:
        done.extend(verdicts(database, [(event, crm)]))

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == [Verdict.AGAIN, *[Verdict.DUE] * 7]
    assert len(queue(db)) == 1


def test_a_replay_takes_its_place_at_the_end_of_its_lane(database: Database, db: Connection) -> None:
    """Only the head of an ordered lane is ready; the replays of one lane go in event order."""
    crm = insert_connector(db)
    first, second, third = (dead_delivery(db, crm) for _ in range(3))
    waiting = insert_event(db)
    insert_delivery(db, waiting, crm)
    other = [dead_delivery(db, crm, "k2") for _ in range(2)]
    insert_queued(db, waiting, crm)

    verdicts(database, [(event, crm) for event in (third, first, second, *other)])

    lanes = [(row[0], row[1]) for row in queue(db)]
    assert lanes == [
        (waiting, True),
        (first, False),
        (second, False),
        (third, False),
        (other[0], True),
        (other[1], False),
    ]


def test_without_order_every_replay_is_ready(database: Database, db: Connection) -> None:
    """A connector that wants no order has no lanes to wait in."""
    crm = insert_connector(db, lane_order="none")
    events = [dead_delivery(db, crm) for _ in range(3)]

    verdicts(database, [(event, crm) for event in events])

    assert [(row[0], row[1]) for row in queue(db)] == [(event, True) for event in events]


def test_a_waiting_delivery_is_brought_forward(database: Database, db: Connection) -> None:
    """Its next attempt is made now; kind and tries stay, since it is no further delivery."""
    crm = insert_connector(db)
    event = insert_event(db)
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, due_in=3600, attempts=3, tries=3)

    assert verdicts(database, [(event, crm)]) == [Verdict.FORWARD]
    assert queue(db) == [(event, True, "auto", 3, 3, True)]


def test_a_leased_delivery_is_left_to_its_worker(database: Database, db: Connection) -> None:
    """What is being sent stays with its lease."""
    crm = insert_connector(db)
    event = insert_event(db)
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, due_in=30, attempts=1, tries=1, leased="host:1")
    before = db.execute("SELECT * FROM outbox.queue").fetchall()

    assert verdicts(database, [(event, crm)]) == [Verdict.LEASED]
    assert db.execute("SELECT * FROM outbox.queue").fetchall() == before


def test_a_blocked_delivery_brings_its_lanes_head_forward(database: Database, db: Connection) -> None:
    """What it waits for is tried now, and the words name it."""
    crm = insert_connector(db)
    head, blocked = insert_event(db), insert_event(db)
    for event, ready in ((head, True), (blocked, False)):
        insert_delivery(db, event, crm)
        insert_queued(db, event, crm, due_in=3600, ready=ready)

    (done,) = replay(database.engine, [(blocked, crm)], asked_by="ada")

    assert (done.verdict, done.head) == (Verdict.BLOCKED, head)
    assert f"event {head}" in done.words
    assert [(row[0], row[5]) for row in queue(db)] == [(head, True), (blocked, False)]


def test_what_cannot_be_replayed_is_refused_with_its_reason(database: Database, db: Connection) -> None:
    """Disabled, removed, without a body, or a test: nothing is queued."""
    off, gone, crm = insert_connector(db, "off"), insert_connector(db, "gone", removed_at="now"), insert_connector(db)
    disabled, removed, erased, test = (insert_event(db) for _ in range(4))
    insert_delivery(db, disabled, off)
    disable_connector(db, off)
    insert_delivery(db, removed, gone)
    insert_delivery(db, erased, crm, body=None)
    insert_delivery(db, test, crm, kind="test")
    keys = [(disabled, off), (removed, gone), (erased, crm), (test, crm)]

    done = list(replay(database.engine, keys, asked_by="ada"))

    assert [one.verdict for one in done] == [Verdict.DISABLED, Verdict.REMOVED, Verdict.NO_BODY, Verdict.TEST]
    assert all(one.verdict.refused and "is not replayed: " in one.words for one in done)
    assert queue(db) == []


def test_who_asked_for_a_replay_is_on_record(database: Database, db: Connection) -> None:
    """For what was done, the head that was brought forward for a blocked one too; and the timeline tells it."""
    crm = insert_connector(db)
    dead = dead_delivery(db, crm)
    head, blocked, due = (
        insert_open(db, crm, contract, ready=ready, due_in=due_in)
        for contract, ready, due_in in [("k2", True, 3600), ("k2", False, 3600), ("k3", True, -60)]
    )

    verdicts(database, [(event, crm) for event in (dead, blocked, due)])
    verdicts(database, [(dead, crm)])

    asked = db.execute("SELECT event_id, connector_id, verdict, asked_by FROM outbox.replay").fetchall()
    assert asked == [(dead, crm, "again", "ada"), (head, crm, "forward", "ada")]
    told = db.execute(
        "SELECT contract_id, connector, words FROM outbox_audit.contract_timeline WHERE what = 'replay' ORDER BY 1"
    ).fetchall()
    assert told == [
        ("k1", "crm", "replay asked for by ada: to be sent again"),
        ("k2", "crm", "replay asked for by ada: its next attempt made now"),
    ]


def test_a_held_connectors_delivery_is_queued_and_waits(database: Database, db: Connection) -> None:
    """Held is no refusal: it goes out when the receiver answers."""
    crm = insert_connector(db, held_reason="receiver fails")
    event = dead_delivery(db, crm)

    assert verdicts(database, [(event, crm)]) == [Verdict.AGAIN]
    assert len(queue(db)) == 1


def test_a_connector_disabled_meanwhile_is_refused_in_the_end(database: Database, db: Connection) -> None:
    """The replay waits for whoever is changing the connector, and then obeys what it became."""
    crm = insert_connector(db)
    event = dead_delivery(db, crm)
    done: list[Verdict] = []
    with database.connect() as other:
        disable_connector(other, crm)
        thread = threading.Thread(target=lambda: done.extend(verdicts(database, [(event, crm)])))
        thread.start()
        while not db.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchall():
            assert thread.is_alive()
        other.commit()
        thread.join()

    assert done == [Verdict.DISABLED]
    assert queue(db) == []


def test_a_replay_that_waits_for_an_edit_holds_no_lane(database: Database, db: Connection) -> None:
    """An edit that is left open stops the replay to that connector and nothing else: lanes are settled meanwhile."""
    crm, erp = insert_connector(db), insert_connector(db, "erp")
    event = dead_delivery(db, crm)
    other = insert_open(db, erp)
    leased = claim(database, erp)
    with database.connect() as edit:
        edit.execute("UPDATE outbox.connector SET updated_at = now() WHERE id = %s", [crm])
        thread = threading.Thread(target=lambda: verdicts(database, [(event, crm)]))
        thread.start()
        while not db.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchall():
            assert thread.is_alive()
        with database.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            assert store.settle(connection, [attempt(one) for one in leased], worker="w1").late == frozenset()
        edit.rollback()
        thread.join()

    assert attempts_of(db, other) == [(1, "ok", "w1", "delivered")]
    assert [row[:3] for row in queue(db)] == [(event, True, "replay")]


def test_a_replay_waits_for_whoever_settles_in_its_lane(database: Database, db: Connection) -> None:
    """Under the lane lock it judges anew: what was settled meanwhile is sent again, in a ready lane."""
    crm = insert_connector(db)
    event = insert_event(db)
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, due_in=30, attempts=1, tries=1, leased="host:1")
    done: list[Verdict] = []
    with database.connect() as settling:
        settling.execute("SELECT pg_advisory_xact_lock(7231002, hashtext('k1') & 1023)")
        thread = threading.Thread(target=lambda: done.extend(verdicts(database, [(event, crm)])))
        thread.start()
        while not db.execute("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'").fetchall():
            assert thread.is_alive()
        settling.execute("DELETE FROM outbox.queue")
        insert_attempt(settling, event, crm)
        settling.commit()
        thread.join()

    assert done == [Verdict.AGAIN]
    assert queue(db) == [(event, True, "replay", 1, 0, True)]


def test_many_deliveries_are_replayed_in_batches(database: Database, db: Connection) -> None:
    """More than one batch: each once, none left out."""
    crm = insert_connector(db)
    count = 2 * BATCH + 1
    db.execute(
        "INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, content_type,"
        " body)"
        " SELECT n, %s, 1, 'update', 'k' || n %% 10, 'application/json', '{}' FROM generate_series(1, %s) AS n",
        (crm, count),
    )
    keys = [(event, crm) for event in range(1, count + 1)]

    assert [one.event_id for one in judged_by(database, keys)] == [event for event, _ in keys]
    assert verdicts(database, keys) == [Verdict.AGAIN] * count
    assert [row[0] for row in queue(db)] == [event for event, _ in keys]
    assert db.execute("SELECT count(*) FROM outbox.queue WHERE ready").fetchone() == (10,)


def judged_by(database: Database, keys: list[Key]) -> list[Any]:
    """What replaying these would do."""
    with database.engine.connect() as connection:
        return list(judge(connection, keys))


def test_one_delivery_is_found_by_event_and_connector(database: Database, db: Connection) -> None:
    """Of connectors that share a name, the one that stands; a missing delivery says why there is none."""
    old, crm = insert_connector(db, removed_at="now"), insert_connector(db)
    event, skipped, unrouted = (insert_event(db) for _ in range(3))
    for owner in (old, crm):
        insert_delivery(db, event, owner)
    insert_decision(db, skipped, "trigger_not_chosen", connector_id=crm)

    with database.engine.connect() as connection:
        assert find_delivery(connection, event, "crm").key == (event, crm)
        with pytest.raises(RefusedError, match="did not have the trigger update"):
            find_delivery(connection, skipped, "crm")
        with pytest.raises(RefusedError, match="not routed yet"):
            find_delivery(connection, unrouted, "crm")
        with pytest.raises(RefusedError, match="event 99: there is none"):
            find_delivery(connection, 99, "crm")
        with pytest.raises(ConfigurationError, match="did you mean 'crm'"):
            find_delivery(connection, event, "cmr")
