"""The relay in trouble: locks, timeouts, rows that can't be recorded or sent, and being told to stop."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from outbox.connector_edits import disable_connector as turn_off
from outbox.connector_edits import enable_connector
from outbox.connectors import load_connectors
from outbox.db import make_engine
from outbox.log import configure_log
from outbox.model import Request, Response
from outbox.relay import Relay
from outbox.secret_box import SecretBox
from outbox.send_pool import SendPool
from outbox.sender import make_transport
from outbox.sender.guarded_transport import GuardedTransport
from outbox.settings import Log, Sender
from tests.conftest import Database
from tests.connectors import ADA
from tests.factories import (
    Connection,
    connect,
    create_source,
    disable_connector,
    insert_connector,
    insert_note,
    insert_open,
    rewrite,
)
from tests.leases import attempts_of, claim, queue
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import enable, in_thread, numbers, relay_on, settings_for, wait_for


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


def test_a_row_that_kills_its_worker_each_time_dies_after_its_attempts(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Lost leases are tries too: the last worker doesn't send it any more, and its neighbours are delivered."""
    connector = insert_connector(sql, url=crm.url, schedule=[0.0, 0.0], timeout_seconds=0.2)
    poison = insert_note(sql, "k1")
    with relay_on(database, lease_margin_seconds=1.0) as relay:
        disable_connector(sql, connector)
        relay.run_until_idle()
        for token in range(1, 4):
            while not claim(database, connector, token=token, name=f"dead{token}", lease=0.0):
                """What was lost twice running is put apart first, and due again."""
        after, neighbour = insert_note(sql, "k1"), insert_note(sql, "k2")
        enable(sql, connector)

        while len(attempts_of(sql, poison)) < 4:
            relay.run_until_idle()
            time.sleep(0.1)
        relay.run_until_idle()

    assert [row[1:] for row in attempts_of(sql, poison)] == [
        ("lost", "dead1", None),
        ("lost", "dead2", None),
        ("lost", "dead3", None),
        ("interrupted", "w1", "dead"),
    ]
    assert sorted(name for name, _ in numbers(crm)) == sorted(f"dlv_{one}_{connector}" for one in (after, neighbour))


def test_results_survive_a_statement_that_the_database_ended(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Somebody locks the queue and a timeout strikes: what came back stays with the worker and is settled later."""
    insert_connector(sql, url=crm.url)
    events = [insert_note(sql, f"k{n}") for n in range(3)]
    sql.execute(f"ALTER DATABASE {database.name} SET statement_timeout = '300ms'".encode())
    arrived = threading.Event()

    def answer(_: Received) -> Answer:
        arrived.wait(5)
        return Answer()

    crm.answer = answer
    with relay_on(database) as relay:
        with database.connect() as somebody, in_thread(lambda: _refused(relay.run_until_idle)):
            wait_for(lambda: len(crm.received) == 3)
            somebody.execute("SELECT FROM outbox.queue FOR UPDATE")
            arrived.set()
            wait_for(lambda: _waits_for_lock(sql))
            time.sleep(0.4)
        assert len(queue(sql)) == 3

        relay.run_until_idle()

    assert len(crm.received) == 3
    assert [attempts_of(sql, event) for event in events] == [[(1, "ok", "w1", "delivered")]] * 3


def _refused(run: Callable[[], object]) -> None:
    with pytest.raises(DBAPIError, match="statement timeout"):
        run()


def _waits_for_lock(sql: Connection) -> bool:
    row = sql.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ).fetchone()
    return row is not None and row[0] != 0


def test_an_attempt_that_cannot_be_recorded_stops_no_other(database: Database, sql: Connection, crm: Receiver) -> None:
    """The database refuses one row of a batch for good: the rest is settled, and that one runs out of its lease.

    What the receiver answered doesn't go to the log instead.
    """
    connector = insert_connector(sql, url=crm.url)
    sql.execute("ALTER TABLE outbox.attempt ADD CHECK (status_code IS DISTINCT FROM 418)")
    teapot, *rest = [insert_note(sql, f"k{n}") for n in range(4)]

    def answer(got: Received) -> Answer:
        return Answer(418 if got.headers["webhook-id"] == f"dlv_{teapot}_{connector}" else 200, {"X-Echo": "planted"})

    crm.answer = answer

    lines = io.StringIO()
    configure_log(Log(format="json"), lines)
    with relay_on(database) as relay:
        relay.run_until_idle()

    assert "attempt_not_recorded" in lines.getvalue()
    assert "planted" not in lines.getvalue()
    assert [attempts_of(sql, event) for event in rest] == [[(1, "ok", "w1", "delivered")]] * 3
    assert queue(sql, "event_id, attempts, lease_worker") == [(teapot, 1, "w1")]


def test_a_body_that_was_erased_is_dead_and_stops_no_other(database: Database, sql: Connection, crm: Receiver) -> None:
    """There is nothing to send: outcome `report`, and the lane goes on."""
    connector = insert_connector(sql, url=crm.url)
    erased, after = insert_note(sql, "k1"), insert_note(sql, "k1")
    disable_connector(sql, connector)
    with relay_on(database) as relay:
        relay.run_until_idle()
        rewrite(sql, "UPDATE outbox.delivery SET body = NULL WHERE event_id = %s", [erased])
        enable(sql, connector)
        relay.run_until_idle()

    assert attempts_of(sql, erased) == [(1, "report", "w1", "dead")]
    assert attempts_of(sql, after) == [(1, "ok", "w1", "delivered")]


def test_a_shortage_that_passes_makes_no_dead_letter(
    database: Database, sql: Connection, crm: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps this machine from sending is a failed try like any other: it is tried again, and delivered."""
    insert_connector(sql, url=crm.url, schedule=[0.0])
    event = insert_note(sql, "k1")
    transport_send = GuardedTransport.send
    short = iter([True])

    def send(transport: GuardedTransport, request: Request) -> Response:
        if next(short, False):
            raise MemoryError
        return transport_send(transport, request)

    monkeypatch.setattr(GuardedTransport, "send", send)
    with relay_on(database) as relay:
        relay.run_until_idle()

    assert attempts_of(sql, event) == [(1, "protocol", "w1", None), (2, "ok", "w1", "delivered")]
    assert sql.execute("SELECT error_code FROM outbox.attempt ORDER BY number").fetchall()[0] == ("not_sendable",)


def test_a_thread_that_the_machine_refuses_costs_no_slot(
    database: Database, sql: Connection, crm: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery waits for the next chance, and is sent once, on its first attempt."""
    connector = insert_connector(sql, url=crm.url)
    event = insert_note(sql, "k1")
    start = threading.Thread.start
    refused: list[str] = []

    def refuse_twice(thread: threading.Thread) -> None:
        if thread.name.startswith("send") and len(refused) < 2:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_twice)
    with relay_on(database, threads=1) as relay:
        relay.run_until_idle()

    assert len(refused) == 2
    assert numbers(crm) == [(f"dlv_{event}_{connector}", "1")]


@pytest.mark.parametrize("discard", [False, True], ids=["enabled again", "discarded"])
def test_gone_undoes_nothing_that_a_person_did_meanwhile(
    database: Database, sql: Connection, crm: Receiver, *, discard: bool
) -> None:
    """A 410 to a send that began before they changed the connector says nothing of what it is now."""
    connector = insert_connector(sql, url=crm.url)
    insert_note(sql, "k1")
    changed = threading.Event()

    def gone_at_first(got: Received) -> Answer:
        first = len(crm.received) == 1
        assert changed.wait(10)
        return Answer(status=410 if first and got.headers["outbox-attempt"] == "1" else 200)

    crm.answer = gone_at_first
    with relay_on(database) as relay, in_thread(relay.run_until_idle):
        wait_for(lambda: len(crm.received) == 1)
        with database.engine.begin() as connection:
            turn_off(connection, connector, reason="down", author=ADA, discard=discard)
            if not discard:
                enable_connector(connection, connector, author=ADA)
        changed.set()

    (row,) = sql.execute("SELECT enabled, discard, disabled_reason FROM outbox.connector").fetchall()
    assert row == ((False, True, "down") if discard else (True, False, None))
    assert len(crm.received) == (1 if discard else 2)


def test_sending_goes_on_while_routing_waits_for_the_applications_lock(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """A migration that holds the application's tables keeps new reports from being built, not the others from going."""
    connector = insert_connector(sql, url=crm.url)
    insert_note(sql, "k1", document={"company": None})
    disable_connector(sql, connector)
    with relay_on(database) as relay:
        relay.run_until_idle()
        waiting = insert_note(sql, "k2", document={"company": "7"})
        with database.connect() as migration:
            migration.execute("LOCK TABLE company IN ACCESS EXCLUSIVE MODE")
            relay.run_until_idle()
            enable(sql, connector)
            relay.run_until_idle()
        assert len(crm.received) == 1

        time.sleep(1.1)
        relay.run_until_idle()

    assert numbers(crm)[-1] == (f"dlv_{waiting}_{connector}", "1")


def test_a_drain_lets_what_is_under_way_finish(database: Database, sql: Connection, crm: Receiver) -> None:
    """Told to stop, it takes nothing new, and what is being sent is settled as it ends."""
    insert_connector(sql, url=crm.url)
    events = [insert_note(sql, "k1") for _ in range(2)]
    crm.answer = lambda _: Answer(seconds=0.4)
    with relay_on(database) as relay:
        with in_thread(relay.run_until_idle):
            wait_for(lambda: len(crm.received) == 1)
            relay.stop()
        passed = relay.drain(seconds=5)

    assert dict(passed.attempts) in ({"ok": 1}, {})
    assert attempts_of(sql, events[0]) == [(1, "ok", "w1", "delivered")]
    assert queue(sql, "event_id, ready, attempts") == [(events[1], True, 0)]


def test_a_drain_records_what_does_not_end_in_time(database: Database, sql: Connection, crm: Receiver) -> None:
    """As interrupted, since the receiver may have it: due again at once, its try not one of the schedule's."""
    insert_connector(sql, url=crm.url)
    event = insert_note(sql, "k1")
    crm.answer = lambda _: Answer(seconds=30)
    with relay_on(database) as relay:
        with in_thread(relay.run_until_idle):
            wait_for(lambda: len(crm.received) == 1)
            relay.stop()
        started = time.monotonic()
        relay.drain(seconds=0.3)
        took = time.monotonic() - started
        crm.closing.set()
        wait_for(lambda: not any(thread.name.startswith("send") for thread in threading.enumerate()))

    assert took < 1.0
    assert attempts_of(sql, event) == [(1, "interrupted", "w1", None)]
    assert queue(sql, "attempts, tries, lease_token, due_at <= clock_timestamp()") == [(1, 0, None, True)]


def test_a_drain_settles_though_every_claiming_connection_is_taken(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Settling has connections of its own: what claims can't keep a result from being written."""
    insert_connector(sql, url=crm.url)
    event = insert_note(sql, "k1")
    crm.answer = lambda _: Answer(seconds=0.3)
    settings = settings_for(database)
    claiming, settling = (make_engine(settings, pool_size=1) for _ in range(2))
    transport = make_transport(settings.sender)
    relay = Relay(settings, claiming=claiming, settling=settling, transport=transport, box=SecretBox(()), worker="w1")
    with in_thread(relay.run_until_idle):
        wait_for(lambda: len(crm.received) == 1)
        relay.stop()
    with claiming.connect():
        relay.drain(seconds=5)
    transport.close()
    for engine in (claiming, settling):
        engine.dispose()

    assert attempts_of(sql, event) == [(1, "ok", "w1", "delivered")]


def test_a_drain_settles_though_the_database_refuses_at_first(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Within its time it tries again: a lock or a timeout at the end costs no result."""
    insert_connector(sql, url=crm.url)
    event = insert_note(sql, "k1")
    crm.answer = lambda _: Answer(seconds=0.3)
    sql.execute(f"ALTER DATABASE {database.name} SET statement_timeout = '200ms'".encode())
    with relay_on(database) as relay:
        with in_thread(relay.run_until_idle):
            wait_for(lambda: len(crm.received) == 1)
            relay.stop()
        with database.connect() as somebody, in_thread(lambda: relay.drain(seconds=5)):
            somebody.execute("SELECT FROM outbox.queue FOR UPDATE")
            time.sleep(0.8)
            somebody.rollback()

    assert attempts_of(sql, event) == [(1, "ok", "w1", "delivered")]


def test_what_cannot_be_sent_within_its_lease_is_not_sent(database: Database, sql: Connection, crm: Receiver) -> None:
    """The deadline is looked at before each POST: what would outlive its lease comes back unsent."""
    connector_id = insert_connector(sql, url=crm.url)
    insert_open(sql, connector_id)
    leased = claim(database, connector_id)[0]
    with database.engine.connect() as connection:
        connector = load_connectors(connection, SecretBox(()))[0]
    transport = make_transport(Sender(allow_networks=("127.0.0.0/8",)))
    pool = SendPool(transport, threads=2, most_threads=2, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    pool.limit(connector_id, 8)

    pool.start(leased, connector, deadline=time.monotonic() + connector.timeout_seconds - 0.001)
    late = pool.collect(wait_seconds=5)
    pool.start(leased, connector, deadline=time.monotonic() + connector.timeout_seconds + 5)
    sent = pool.collect(wait_seconds=5)
    pool.take_back()
    transport.close()

    assert [one.response for one in late] == [None]
    assert [one.response.status for one in sent if one.response] == [200]
    assert len(crm.received) == 1


def test_a_delivery_leased_again_while_its_first_send_runs_loses_neither_result(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """A worker that was stopped past its lease may claim again what a thread of its own still sends."""
    connector_id = insert_connector(sql, url=crm.url)
    insert_open(sql, connector_id)
    first, second = (claim(database, connector_id, token=token, lease=0.0)[0] for token in (1, 2))
    with database.engine.connect() as connection:
        connector = load_connectors(connection, SecretBox(()))[0]
    crm.answer = lambda got: Answer(seconds=0.3 if got.headers["outbox-attempt"] == "1" else 0.0)
    transport = make_transport(Sender(allow_networks=("127.0.0.0/8",)))
    pool = SendPool(transport, threads=2, most_threads=2, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    pool.limit(connector_id, 8)

    for leased in (first, second):
        pool.start(leased, connector, deadline=time.monotonic() + 60)
    assert len(pool) == 2
    arrived = [sent.leased.attempt for _ in range(2) for sent in pool.collect(wait_seconds=5)]
    pool.take_back()
    transport.close()

    assert arrived == [2, 1]
    assert len(pool) == 0
