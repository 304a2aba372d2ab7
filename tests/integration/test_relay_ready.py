"""What a worker keeps ready: given back when it must not go out, bounded by rates, and no wake-up is lost over it."""

import threading
import time
from collections.abc import Iterator

import pytest

from outbox.relay import Passed, Relay
from tests.conftest import Database
from tests.factories import Connection, connect, create_source, disable_connector, hold, insert_connector, insert_note
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import in_thread, relay_on, wait_for


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


class Gate:
    """While it is open the receiver answers at once, with `status`; while not, it hangs."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.status = 200

    def answer(self, _: Received) -> Answer:
        """The receiver's answer."""
        self.opened.wait(10)
        return Answer(status=self.status)


@pytest.fixture
def gate(crm: Receiver) -> Gate:
    """The receiver's gate, open."""
    made = Gate()
    crm.answer = made.answer
    return made


@pytest.mark.parametrize("change", ["disabled", "held", pytest.param("edited", marks=pytest.mark.soak)])
def test_what_is_kept_ready_follows_a_change(
    database: Database, sql: Connection, crm: Receiver, gate: Gate, change: str
) -> None:
    """A connector that somebody switches, holds or edits gets nothing more by what it was; only what is out ends."""
    connector = insert_connector(sql, url=crm.url, max_in_flight=2, lane_order="none", timeout_seconds=10.0)
    for n in range(300):
        insert_note(sql, f"k{n}")
    with relay_on(database) as relay, in_thread(relay.run_until_idle):
        wait_for(lambda: len(crm.received) >= 60)
        gate.opened.clear()
        time.sleep(0.3)
        sent = len(crm.received)
        if change == "disabled":
            disable_connector(sql, connector)
        elif change == "held":
            hold(sql, connector)
            gate.status = 503
        else:
            sql.execute("UPDATE outbox.connector SET url = 'http://127.0.0.1:9/', version = version + 1")
        wait_for(lambda: _leased(sql) <= 2)
        gate.opened.set()
        time.sleep(0.3)
        probes = 1 if change == "held" else 0
        assert len(crm.received) <= sent + 2 + probes
        relay.stop()


def test_a_rate_holds_after_a_hang(database: Database, sql: Connection, crm: Receiver, gate: Gate) -> None:
    """Nothing gathers behind a receiver that hangs: when it answers, no more than a second's worth leaves at once."""
    insert_connector(sql, url=crm.url, rate_per_second=20.0, max_in_flight=2, lane_order="none", timeout_seconds=10.0)
    for n in range(150):
        insert_note(sql, f"k{n}")
    with relay_on(database) as relay, in_thread(relay.run_until_idle):
        wait_for(lambda: len(crm.received) >= 30)
        gate.opened.clear()
        time.sleep(2.5)
        sent = len(crm.received)
        gate.opened.set()
        time.sleep(0.5)
        relay.stop()
    assert len(crm.received) - sent <= 20 + 10 + 2


def test_a_rate_with_nothing_to_send_keeps_no_run_going(database: Database, sql: Connection, crm: Receiver) -> None:
    """One in a hundred seconds: an empty queue is idle at once all the same."""
    insert_connector(sql, url=crm.url, rate_per_second=0.01)
    with relay_on(database) as relay:
        started = time.monotonic()
        relay.run_until_idle()
        assert time.monotonic() - started < 5


def test_a_wake_up_at_the_end_of_a_run_is_heard(
    database: Database, sql: Connection, crm: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed after the last look at the inbox, and told, is looked for before the run ends."""
    insert_connector(sql, url=crm.url)
    claim_and_send = Relay._claim_and_send  # noqa: SLF001 (the moment is within it)
    late = iter(["k1"])

    def claim(relay: Relay, passed: Passed) -> bool:
        claimed = claim_and_send(relay, passed)
        for contract_id in late:
            insert_note(sql, contract_id)
            relay.wake()
        return claimed

    monkeypatch.setattr(Relay, "_claim_and_send", claim)
    with relay_on(database) as relay:
        relay.run_until_idle()
        assert relay.left_due() == (0, 0)


def _leased(sql: Connection) -> int:
    return int(str(sql.execute("SELECT count(*) FROM outbox.queue WHERE lease_token IS NOT NULL").fetchall()[0][0]))
