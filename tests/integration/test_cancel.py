"""Cancel: what waits is taken out on record, its lane goes on, and what is being sent stays."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from outbox.cancel import Verdict, cancel, judge
from outbox.replay import Key, replay
from outbox.replay import Verdict as Replayed
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_open,
)
from tests.leases import claim


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def verdicts(database: Database, keys: list[Key]) -> list[Verdict]:
    """What cancelling these did."""
    return [one.verdict for one in cancel(database.engine, keys, asked_by="ada")]


def queue(db: Connection) -> list[tuple[Any, ...]]:
    """Event, readiness, and whether it is due, in lane order."""
    return db.execute(
        "SELECT event_id, ready, due_at <= clock_timestamp() FROM outbox.queue ORDER BY position"
    ).fetchall()


def state(db: Connection, event_id: int) -> Any:
    """The delivery's state, as people read it."""
    row = db.execute("SELECT state FROM outbox_audit.deliveries WHERE event_id = %s", (event_id,)).fetchone()
    return row and row[0]


def test_what_waits_is_cancelled_on_record(database: Database, db: Connection) -> None:
    """As one more attempt with the name of who asked; nothing waits any more."""
    crm = insert_connector(db)
    event = insert_open(db, crm, due_in=600, attempts=2)

    assert verdicts(database, [(event, crm)]) == [Verdict.CANCELLED]

    assert queue(db) == []
    assert state(db, event) == "cancelled"
    recorded = db.execute("SELECT number, outcome, error_code, error, worker, settled FROM outbox.attempt").fetchall()
    assert recorded == [(3, "interrupted", "cancelled", "cancelled by ada", "ada", "cancelled")]


def test_the_lane_goes_on(database: Database, db: Connection) -> None:
    """The head's cancelling makes the next one ready and due; one from the middle leaves the head alone."""
    crm = insert_connector(db)
    first = insert_open(db, crm, due_in=600)
    second, third = (insert_open(db, crm, ready=False, due_in=600) for _ in range(2))

    assert verdicts(database, [(second, crm)]) == [Verdict.CANCELLED]
    assert queue(db) == [(first, True, False), (third, False, False)]
    assert verdicts(database, [(first, crm)]) == [Verdict.CANCELLED]
    assert [row[:2] for row in queue(db)] == [(third, True)]


def test_what_is_being_sent_stays(database: Database, db: Connection) -> None:
    """A live lease refuses; one that has run out does not, and its number is not given twice."""
    crm, erp = insert_connector(db), insert_connector(db, "erp")
    sent = insert_open(db, crm, leased="host:1", due_in=60, attempts=1, tries=1)
    abandoned = insert_open(db, erp, "k2", leased="host:1", due_in=-60, attempts=1, tries=1)

    assert verdicts(database, [(sent, crm), (abandoned, erp)]) == [Verdict.LEASED, Verdict.CANCELLED]
    assert [row[0] for row in queue(db)] == [sent]
    assert db.execute("SELECT event_id, number FROM outbox.attempt").fetchall() == [(abandoned, 1)]


def test_what_is_finished_is_refused(database: Database, db: Connection) -> None:
    """Two clicks are one: the second finds nothing that waits, and writes nothing."""
    crm = insert_connector(db)
    event = insert_open(db, crm)

    assert verdicts(database, [(event, crm)]) == [Verdict.CANCELLED]
    assert verdicts(database, [(event, crm), (event + 1, crm)]) == [Verdict.FINISHED]
    assert db.execute("SELECT count(*) FROM outbox.attempt").fetchone() == (1,)
    with database.engine.connect() as reader:
        (told,) = judge(reader, [(event, crm)])
    assert told.words == "is not cancelled: it does not wait any more"


def test_a_cancelled_replay_leaves_what_was_delivered(database: Database, db: Connection) -> None:
    """Once delivered it stays delivered; and what was cancelled can be replayed."""
    crm = insert_connector(db)
    delivered = insert_event(db)
    insert_delivery(db, delivered, crm)
    insert_attempt(db, delivered, crm)
    list(replay(database.engine, [(delivered, crm)], asked_by="ada"))

    assert verdicts(database, [(delivered, crm)]) == [Verdict.CANCELLED]
    assert state(db, delivered) == "delivered"
    again = list(replay(database.engine, [(delivered, crm)], asked_by="ada"))
    assert [one.verdict for one in again] == [Replayed.AGAIN]


def test_held_ones_can_be_cancelled(database: Database, db: Connection) -> None:
    """Whether their connector sends or not."""
    crm = insert_connector(db)
    event = insert_open(db, crm)
    disable_connector(db, crm)

    assert verdicts(database, [(event, crm)]) == [Verdict.CANCELLED]


def test_cancel_and_claim_never_both_win(database: Database, db: Connection) -> None:
    """Beside a worker that claims: each delivery is either leased or cancelled."""
    crm = insert_connector(db, lane_order="none")
    events = [insert_open(db, crm, f"k{number}") for number in range(60)]
    done: list[Verdict] = []
    cancelling = threading.Thread(target=lambda: done.extend(verdicts(database, [(event, crm) for event in events])))
    cancelling.start()
    leased = [one.event_id for _ in range(6) for one in claim(database, crm, take=5)]
    cancelling.join()

    cancelled = {row[0] for row in db.execute("SELECT event_id FROM outbox.attempt WHERE settled = 'cancelled'")}
    assert cancelled.isdisjoint(leased)
    assert done.count(Verdict.CANCELLED) == len(cancelled)
    assert {row[0] for row in queue(db)} == set(events) - cancelled
