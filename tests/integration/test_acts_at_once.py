"""Several people act on the same deliveries while workers send them: no lane is lost, and nothing ends twice."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from outbox import bulk
from outbox.audit import Question
from outbox.bulk import Act
from outbox.cancel import cancel
from outbox.model import Settled, State
from outbox.replay import replay
from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector, insert_open
from tests.leases import OK, REFUSED, attempt, claim, settle

EVENTS, CONTRACTS = 240, 12

# Of each lane that anything waits in: whether exactly the first row is ready.
LANES = """
  SELECT bool_and(q.ready = (q.position = q.first))
  FROM (
    SELECT ready, position, min(position) OVER (PARTITION BY connector_id, contract_id) AS first
    FROM outbox.queue) AS q"""
ENDS = """
  SELECT event_id, connector_id, number FROM outbox.attempt WHERE NOT late
  GROUP BY event_id, connector_id, number HAVING count(*) > 1"""
OPEN_OR_SETTLED = """
  SELECT d.event_id FROM outbox.delivery AS d
  WHERE NOT EXISTS (SELECT FROM outbox.queue AS q WHERE q.event_id = d.event_id AND q.connector_id = d.connector_id)
    AND NOT EXISTS (SELECT FROM outbox.attempt AS t
                    WHERE t.event_id = d.event_id AND t.connector_id = d.connector_id AND t.settled IS NOT NULL)"""


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def at_once(*acts: Callable[[], object]) -> list[BaseException]:
    """All of them, each in a thread of its own; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001 (the test shows it)
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def work(database: Database, connectors: Sequence[int], token: int) -> None:
    """A worker that sends what is due, in batches; each third try is refused for good."""
    for turn in range(40):
        leased = claim(database, *connectors, token=token * 1000 + turn, name=f"w{token}", take=8)
        ends = [(OK, Settled.DELIVERED), (OK, Settled.DELIVERED), (REFUSED, Settled.DEAD)]
        tried = [
            attempt(one, response, settled=settled)
            for one, (response, settled) in zip(leased, ends * len(leased), strict=False)
        ]
        settle(database, *tried, name=f"w{token}")


def act(database: Database, act: Act, question: Question, by: str) -> None:
    """All that the question finds, again and again, as a page does it."""
    for _ in range(6):
        bulk.run(database.engine, question, act, within=None, asked_by=by)


def test_lanes_survive_all_that_people_do_at_once(database: Database, db: Connection) -> None:
    """Two cancel the same, two replay the same, one by key, beside two workers; no one fails or waits for ever."""
    connectors = [insert_connector(db, name) for name in ("crm", "erp")]
    keys = [
        (insert_open(db, connector, f"k{number % CONTRACTS}", ready=number < CONTRACTS), connector)
        for connector in connectors
        for number in range(EVENTS // 2)
    ]
    dead, blocked = Question(state=State.DEAD), Question(state=State.BLOCKED)

    raised = at_once(
        lambda: work(database, connectors, 1),
        lambda: work(database, connectors, 2),
        lambda: act(database, Act.CANCEL, blocked, "ada"),
        lambda: act(database, Act.CANCEL, blocked, "bea"),
        lambda: act(database, Act.REPLAY, dead, "ada"),
        lambda: act(database, Act.REPLAY, dead, "bea"),
        lambda: list(cancel(database.engine, keys[::7], asked_by="cyd")),
        lambda: list(replay(database.engine, keys[::5], asked_by="cyd")),
    )

    assert raised == []
    assert db.execute(LANES).fetchall()[0][0] in {True, None}
    assert db.execute(ENDS).fetchall() == []
    assert db.execute(OPEN_OR_SETTLED).fetchall() == []
    settled = Counter(row[0] for row in db.execute("SELECT settled FROM outbox.attempt"))
    assert min(settled["delivered"], settled["dead"], settled["cancelled"]) > 0


def test_two_who_cancel_the_same_cancel_it_once(database: Database, db: Connection) -> None:
    """Each is told what they did themselves; together all of it, and no more."""
    crm = insert_connector(db, lane_order="none")
    for number in range(100):
        insert_open(db, crm, f"k{number}")
    waiting, done = Question(state=State.PENDING), list[int]()

    raised = at_once(
        *(
            lambda by=by: done.append(
                bulk.run(database.engine, waiting, Act.CANCEL, within=None, asked_by=by).done.able
            )
            for by in ("ada", "bea", "cyd")
        )
    )

    assert raised == []
    assert sum(done) == 100
    assert db.execute("SELECT count(*) FROM outbox.attempt WHERE settled = 'cancelled'").fetchall() == [(100,)]
