"""Sends from a pool of threads: one thread starts sends and collects what came of them."""

import contextlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from outbox.log import get_log
from outbox.model import Connector, Leased, Outcome, Request, Response
from outbox.request import build_request
from outbox.sender import Transport


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a leased delivery; `response` is None when it was not sent, for its lease was too short."""

    leased: Leased
    connector: Connector
    started_at: datetime
    request: Request | None = None
    response: Response | None = None


_Key: TypeAlias = tuple[int, int, int]


def _key(leased: Leased) -> _Key:
    """Of one lease: a worker that was stopped may lease again what a thread of its own is still sending."""
    return leased.connector_id, leased.event_id, leased.token


@dataclass(frozen=True, slots=True)
class _Order:
    leased: Leased
    connector: Connector
    deadline: float


class SendPool:
    """Threads that send. Only `wake` may be called from another thread than the owner's.

    The threads are daemons: a receiver that doesn't answer must not keep a process that was told to stop.
    """

    def __init__(self, transport: Transport, *, threads: int, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._threads = threads
        self._now = now
        self._started: list[threading.Thread] = []
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._arrivals: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._sending: dict[_Key, _Order] = {}

    def __len__(self) -> int:
        """How many deliveries are being sent."""
        return len(self._sending)

    @property
    def free(self) -> int:
        """How many more could be sent at once."""
        return self._threads - len(self._sending)

    def by_connector(self) -> Counter[int]:
        """How many are being sent, by connector."""
        return Counter(order.leased.connector_id for order in self._sending.values())

    def start(self, leased: Leased, connector: Connector, *, deadline: float) -> None:
        """Sends in a thread, if by then the whole exchange fits before `deadline` (monotonic seconds)."""
        order = _Order(leased, connector, deadline)
        self._sending[_key(leased)] = order
        self._orders.put(order)
        self._grow()

    def _grow(self) -> None:
        """One thread more where there is work for it; a machine that refuses it is asked again at the next look."""
        if len(self._started) >= min(len(self._sending), self._threads):
            return
        thread = threading.Thread(target=self._run, name=f"send {len(self._started)}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            get_log().warning("no_thread", error=str(error), threads=len(self._started))
        else:
            self._started.append(thread)

    def wake(self) -> None:
        """Ends a wait for answers early."""
        self._arrivals.put(None)

    def collect(self, *, wait_seconds: float) -> list[Sent]:
        """What has arrived, waiting for a first answer (or a wake) at most so long."""
        self._grow()
        arrived: list[Sent | None] = []
        if wait_seconds > 0:
            with contextlib.suppress(queue.Empty):
                arrived.append(self._arrivals.get(timeout=wait_seconds))
        while not self._arrivals.empty():
            arrived.append(self._arrivals.get())
        return [sent for sent in arrived if sent is not None and self._sending.pop(_key(sent.leased), None) is not None]

    def take_back(self) -> list[Sent]:
        """Those that no thread has begun to send, which now none will; the threads end with what they are at."""
        unsent: list[Sent] = []
        with contextlib.suppress(queue.Empty):
            while True:
                order = self._orders.get_nowait()
                if order is not None:
                    del self._sending[_key(order.leased)]
                    unsent.append(Sent(order.leased, order.connector, self._now()))
        for _ in self._started:
            self._orders.put(None)
        return unsent

    def abandon(self) -> list[Sent]:
        """Gives up on what is still being sent, as interrupted; what the threads bring later is nobody's."""
        words = "the worker stopped before the receiver answered; it may have the report"
        left = [
            Sent(order.leased, order.connector, self._now(), None, Response(Outcome.INTERRUPTED, 0.0, error=words))
            for order in self._sending.values()
        ]
        self._sending.clear()
        return left

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            self._send(order.leased, order.connector, order.deadline)

    def _send(self, leased: Leased, connector: Connector, deadline: float) -> None:
        started_at = self._now()
        sent = Sent(leased, connector, started_at)
        try:
            if time.monotonic() + connector.timeout_seconds <= deadline:
                request = build_request(leased, connector, now=started_at)
                sent = Sent(leased, connector, started_at, request, self._transport.send(request))
        except Exception as error:  # noqa: BLE001 (a thread's failure is an attempt's outcome, or the delivery hangs)
            get_log().exception("send_failed", event_id=leased.event_id, connector=connector.name)
            words = f"could not be sent: {type(error).__name__}; see the log"
            # Only a report that is not there will never be: a shortage here, or a secret mistyped, may pass.
            outcome = Outcome.REPORT if leased.body is None else Outcome.PROTOCOL
            response = Response(outcome, 0.0, error_code="not_sendable", error=words)
            sent = Sent(leased, connector, started_at, None, response)
        finally:
            self._arrivals.put(sent)
