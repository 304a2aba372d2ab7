"""Renewals of shares that fail, come late, or are made without the key of a connector."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import IntegrityError

from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector
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


def test_a_renewal_that_fails_midway_is_made_up_for(worker: Make, sql: Connection) -> None:
    """What it gave up for one that has gone again is taken back: the crew is the old one, the slots are not."""
    crm = insert_connector(sql)
    one, two = worker("a"), worker("b")
    one.renew()
    two.renew()
    sql.execute("ALTER TABLE outbox.share ADD CONSTRAINT refused CHECK (slots <> 4) NOT VALID")
    with pytest.raises(IntegrityError):
        one.renew()
    two.capacity.leave()

    one.renew()

    assert one.free(crm) == [8]


def test_one_that_comes_back_never_has_what_the_others_took(
    worker: Make, sql: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for the moment between its renewal and the end of it, in which the relay's thread may look."""
    crm = insert_connector(sql, timeout_seconds=0.1)
    one, two = worker("a", heartbeat_seconds=0.1), worker("b")
    one.renew()
    time.sleep(0.7)
    two.renew()
    seen: list[int] = []
    limit = one.pool.limit

    def look(connector_id: int, slots: int) -> int:
        seen.extend(one.free(crm))
        return limit(connector_id, slots)

    monkeypatch.setattr(one.pool, "limit", look)
    one.renew()

    assert (set(seen), one.free(crm), two.free(crm)) == ({0}, [0], [8])


def test_one_that_comes_back_says_that_it_may_send_again(worker: Make, sql: Connection) -> None:
    """Its slots are as many as before; but for a while it had none, and somebody has to look at the queue."""
    insert_connector(sql)
    one = worker("a", heartbeat_seconds=0.1)
    one.renew()
    time.sleep(0.6)

    assert one.renew()


def test_one_without_the_key_leaves_its_part_to_those_that_have_it(worker: Make, sql: Connection) -> None:
    """It sends nothing to that connector; of the others it has its part."""
    crm, erp = insert_connector(sql), insert_connector(sql, "erp")
    one, two = worker("a"), worker("b")
    for each in (one, two, one, two):
        each.renew()
    two.capacity.unopened = (crm,)
    for _ in range(2):
        two.renew()
        one.renew()

    assert (one.free(crm, erp), two.free(crm, erp)) == ([8, 4], [0, 4])
