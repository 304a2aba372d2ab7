"""The relay: what is due goes out and is settled, whatever receivers, the database or a person do meanwhile."""

import threading
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from outbox.request import basic_authorization
from outbox.secret_box import SecretBox, make_key
from tests.conftest import Database
from tests.factories import Connection, connect, create_source, disable_connector, insert_connector, insert_note
from tests.leases import attempts_of, queue
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import enable, in_thread, numbers, relay_on, wait_for


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


def test_what_is_noted_is_delivered_in_order(database: Database, sql: Connection, crm: Receiver) -> None:
    """One run routes, sends and settles all, and leaves nothing due."""
    connector = insert_connector(sql, url=crm.url)
    events = [insert_note(sql, "k1") for _ in range(5)]

    with relay_on(database) as relay:
        passed = relay.run_until_idle()
        assert relay.left_due() == (0, 0)

    assert (passed.events, passed.claimed, dict(passed.attempts)) == (5, 5, {"ok": 5})
    assert numbers(crm) == [(f"dlv_{event}_{connector}", "1") for event in events]
    assert queue(sql) == []


def test_a_connector_without_order_lets_later_events_pass(database: Database, sql: Connection, crm: Receiver) -> None:
    """A failing head delays no other event of its contract."""
    connector = insert_connector(sql, url=crm.url, lane_order="none", schedule=[3600.0])
    events = [insert_note(sql, "k1") for _ in range(4)]
    first = f"dlv_{events[0]}_{connector}"
    crm.answer = lambda got: Answer(status=500 if got.headers["webhook-id"] == first else 200)

    with relay_on(database) as relay:
        passed = relay.run_until_idle()

    assert dict(passed.attempts) == {"ok": 3, "http_error": 1}
    assert queue(sql, "event_id, attempts") == [(events[0], 1)]


def test_the_end_of_the_schedule_is_the_dead_letter_and_the_lane_goes_on(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Two tries are allowed: then it is dead, and the contract's next event is sent."""
    connector = insert_connector(sql, url=crm.url, schedule=[0.0])
    dead, after = insert_note(sql, "k1"), insert_note(sql, "k1")
    crm.answer = lambda got: Answer(status=200 if got.headers["webhook-id"] == f"dlv_{after}_{connector}" else 500)

    with relay_on(database) as relay:
        relay.run_until_idle()

    assert attempts_of(sql, dead) == [(1, "http_error", "w1", None), (2, "http_error", "w1", "dead")]
    assert attempts_of(sql, after) == [(1, "ok", "w1", "delivered")]


def test_the_service_schedule_holds_where_a_connector_has_none(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """The first delay of the schedule, with at most a tenth of jitter, by the database's clock."""
    insert_connector(sql, url=crm.url)
    insert_note(sql, "k1")
    crm.answer = lambda _: Answer(status=500)

    with relay_on(database, schedule_seconds=(40.0, 80.0)) as relay:
        relay.run_until_idle()

    assert queue(sql, "due_at - clock_timestamp() BETWEEN interval '34 s' AND interval '44 s'") == [(True,)]


def test_a_schedule_made_shorter_ends_what_has_had_its_tries(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """What waits for a try that is allowed no more is dead, unsent, and its last attempt says why."""
    connector = insert_connector(sql, url=crm.url, schedule=[0.0, 3600.0, 3600.0])
    crm.answer = lambda _: Answer(status=500)
    event = insert_note(sql, "k1")
    with relay_on(database) as relay:
        relay.run_until_idle()
        sql.execute("UPDATE outbox.connector SET schedule = '{0}', version = version + 1 WHERE id = %s", [connector])
        sql.execute("UPDATE outbox.queue SET due_at = now()")
        relay.run_until_idle()

    assert attempts_of(sql, event)[-1] == (3, "interrupted", "w1", "dead")
    assert sql.execute("SELECT error FROM outbox.attempt WHERE number = 3").fetchall() == [
        ("not sent: all tries that the schedule allows are spent",)
    ]
    assert len(crm.received) == 2


def test_a_receiver_that_asks_for_time_gets_it(database: Database, sql: Connection, crm: Receiver) -> None:
    """503 with Retry-After: not before, and spread after it."""
    insert_connector(sql, url=crm.url, schedule=[1.0, 1.0])
    insert_note(sql, "k1")
    crm.answer = lambda _: Answer(status=503, headers={"Retry-After": "120"})

    with relay_on(database) as relay:
        relay.run_until_idle()

    assert queue(sql, "due_at - clock_timestamp() BETWEEN interval '118 s' AND interval '132 s'") == [(True,)]


def test_gone_disables_the_connector_and_loses_nothing(database: Database, sql: Connection, crm: Receiver) -> None:
    """410: what waits, waits; the try is not counted; enabled again, all goes out, the refused one first."""
    connector = insert_connector(sql, url=crm.url)
    events = [insert_note(sql, "k1") for _ in range(3)]
    crm.answer = lambda _: Answer(status=410)
    with relay_on(database) as relay:
        with capture_logs() as lines:
            relay.run_until_idle()
        assert len(crm.received) == 1
        assert [line["connector"] for line in lines if line["event"] == "connector_disabled"] == ["crm"]
        assert sql.execute("SELECT enabled, disabled_reason, version FROM outbox.connector").fetchone() == (
            False,
            "the receiver answered 410 Gone",
            2,
        )
        assert queue(sql, "attempts, tries")[0] == (1, 0)

        crm.answer = lambda _: Answer()
        enable(sql, connector)
        relay.run_until_idle()

    assert [number for _, number in numbers(crm)] == ["1", "2", "1", "1"]
    assert attempts_of(sql, events[0])[-1] == (2, "ok", "w1", "delivered")


def test_the_log_tells_of_a_further_try_only_where_there_is_one(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """A dead letter is not tried again, so no pause is told."""
    insert_connector(sql, url=crm.url, schedule=[0.0])
    insert_note(sql, "k1")
    crm.answer = lambda _: Answer(status=500)

    with relay_on(database) as relay, capture_logs() as lines:
        relay.run_until_idle()
        relay.run_until_idle()

    told = [(line["settled"], "retry_seconds" in line) for line in lines if line["event"] == "attempt"]
    assert told == [(None, True), ("dead", False)]


def test_a_disabled_connectors_deliveries_wait_and_go_when_enabled(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Disabled before or after routing, nothing is sent and nothing is dropped; a running relay sees the change."""
    connector = insert_connector(sql, url=crm.url)
    insert_note(sql, "k1")
    disable_connector(sql, connector)
    with relay_on(database) as relay:
        relay.run_until_idle()
        insert_note(sql, "k2")
        relay.run_until_idle()
        assert crm.received == []
        assert len(queue(sql)) == 2

        enable(sql, connector)
        relay.run_until_idle()

    assert len(crm.received) == 2


def test_what_no_key_opens_waits_unsent_and_goes_when_the_key_is_there(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """A worker without the key sends nothing in its name, says so, and spends no try; one with the key sends."""
    key = make_key()
    connector = insert_connector(sql, url=crm.url, secret=SecretBox([SecretStr(key)]).seal("open sesame"))
    event = insert_note(sql, "k1")
    with relay_on(database) as relay:
        relay.run_until_idle()
        assert relay.capacity.unopened == (connector,)
    assert (crm.received, queue(sql)) == ([], [(event, True, 0, None)])

    with relay_on(database, worker="w2", keys=[key]) as relay:
        relay.run_until_idle()
        assert relay.capacity.unopened == ()
    assert crm.received[0].headers["authorization"] == basic_authorization("webhook", "open sesame")
    assert attempts_of(sql, event) == [(1, "ok", "w2", "delivered")]


def test_no_more_than_its_limit_is_in_flight_at_a_receiver(database: Database, sql: Connection, crm: Receiver) -> None:
    """The receiver counts: never more than `max_in_flight` at once, though many are due and threads are free."""
    insert_connector(sql, url=crm.url, max_in_flight=3)
    for n in range(24):
        insert_note(sql, f"k{n}")
    counting, at_once, most = threading.Lock(), [0], [0]

    def answer(_: Received) -> Answer:
        with counting:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        time.sleep(0.02)
        with counting:
            at_once[0] -= 1
        return Answer()

    crm.answer = answer
    with relay_on(database, threads=16) as relay:
        relay.run_until_idle()

    assert len(crm.received) == 24
    assert most[0] == 3


def test_a_receiver_that_hangs_holds_up_no_other(database: Database, sql: Connection, crm: Receiver) -> None:
    """Its own limit is in flight and no more; the others get theirs at once, order and all."""
    with receiver(lambda _: Answer(seconds=30)) as hanging:
        insert_connector(sql, "hanging", url=hanging.url, max_in_flight=4, timeout_seconds=2.0, lane_order="none")
        insert_connector(sql, url=crm.url)
        for n in range(20):
            insert_note(sql, f"k{n}")
        started = time.monotonic()
        with relay_on(database, threads=8) as relay, in_thread(relay.run_until_idle):
            wait_for(lambda: len(crm.received) == 20)
            took = time.monotonic() - started
            wait_for(lambda: len(hanging.received) >= 4)
            time.sleep(0.1)
            in_flight = len(hanging.received)
            relay.stop()
            hanging.closing.set()

        assert took < 2.0
        assert in_flight == 4
