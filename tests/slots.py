"""Workers without a relay: what they start goes through a real pool to a transport that holds it until it is let go."""

import threading
import time
from itertools import count

from sqlalchemy import Engine

from outbox.capacity import Capacity
from outbox.model import Connector, Kind, Leased, Outcome, Request, Response, Trigger
from outbox.send_pool import SendPool, Sent
from outbox.store import clock
from tests.relays import wait_for

LEASE_SECONDS = 60.0
_numbers = count(1)


class HoldingTransport:
    """Holds what is sent until it is let go, or so many seconds; counts what is in flight. Workers may share one."""

    name = "holding"

    def __init__(self, *, hold_seconds: float = 60.0) -> None:
        self._hold_seconds = hold_seconds
        self._changed = threading.Condition()
        self._let_go = 0
        self.in_flight = 0
        self.most = 0
        self.sent = 0

    def send(self, request: Request) -> Response:
        """Ends well once it is let go, or held for its time."""
        del request
        began = time.monotonic()
        with self._changed:
            self.in_flight += 1
            self.sent += 1
            self.most = max(self.most, self.in_flight)
            if self._changed.wait_for(lambda: self._let_go > 0, timeout=self._hold_seconds):
                self._let_go -= 1
            self.in_flight -= 1
        return Response(Outcome.OK, (time.monotonic() - began) * 1000, status=200)

    def let_go(self, number: int) -> None:
        """Lets so many go, of those in flight or of those to come."""
        with self._changed:
            self._let_go += number
            self._changed.notify_all()

    def close(self) -> None:
        """Keeps nothing open."""


class SendingWorker:
    """A pool and its capacity, used as the relay does; `send` belongs to one thread, as there."""

    def __init__(self, engine: Engine, name: str, transport: HoldingTransport, *, heartbeat_seconds: float) -> None:
        self.transport = transport
        with engine.connect() as connection:
            now = clock(connection)[0]
        self.pool = SendPool(transport, threads=16, most_threads=16, now=lambda: now)
        self.capacity = Capacity(
            engine, self.pool, name=name, transport=transport.name, heartbeat_seconds=heartbeat_seconds
        )

    def renew(self) -> bool:
        """A heartbeat."""
        return self.capacity.renew()

    def free(self, *connector_ids: int) -> list[int]:
        """How many more of each it may send at once."""
        return [max(0, self.capacity.slots(one) - self.pool.held(one)) for one in connector_ids]

    def start(self, connector_id: int, number: int = 1, *, timeout_seconds: float = 15.0) -> list[Leased]:
        """Hands in so many deliveries, whether there is room or not."""
        connector = Connector(
            connector_id, 1, "crm", ("bu1",), frozenset(), "https://crm.example/hook", timeout_seconds=timeout_seconds
        )
        started: list[Leased] = []
        for _ in range(number):
            event_id = next(_numbers)
            leased = Leased(event_id, connector_id, "k1", Trigger.UPDATE, 1, 1, Kind.AUTO, token=1, body=b"{}")
            deadline = min(time.monotonic() + LEASE_SECONDS, self.capacity.until + timeout_seconds)
            self.capacity.spend(connector_id)
            self.pool.start(leased, connector, deadline=deadline)
            started.append(leased)
        return started

    def send(self, connector_id: int, number: int) -> None:
        """Hands in so many, and waits until they are in flight."""
        before = self.transport.in_flight
        self.start(connector_id, number)
        wait_for(lambda: self.transport.in_flight == before + number)

    def collect(self, number: int) -> list[Sent]:
        """Waits until so many have arrived."""
        arrived: list[Sent] = []
        deadline = time.monotonic() + 10
        while len(arrived) < number and time.monotonic() < deadline:
            arrived += self.pool.collect(wait_seconds=0.1)
        assert len(arrived) == number
        return arrived

    def end(self, connector_id: int, number: int) -> None:
        """Lets so many of those in flight go, and waits until they have ended; nothing waits for their turns."""
        left = self.pool.sending(connector_id) - number
        self.transport.let_go(number)
        self.collect(number)
        wait_for(lambda: self.pool.sending(connector_id) == left)

    def close(self) -> None:
        """Ends its threads."""
        self.pool.take_back()
        self.transport.let_go(len(self.pool))
