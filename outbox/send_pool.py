"""Sends from a pool of threads: one thread starts sends and collects what came of them."""

import contextlib
import queue
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

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

    @property
    def key(self) -> tuple[int, int]:
        """Event and connector."""
        return self.leased.event_id, self.leased.connector_id


class SendPool:
    """Threads that send. Only `wake` may be called from another thread than the owner's."""

    def __init__(self, transport: Transport, *, threads: int, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._threads = threads
        self._now = now
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="send")
        self._arrivals: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._sending: dict[tuple[int, int], tuple[Leased, Connector, Future[None]]] = {}

    def __len__(self) -> int:
        """How many deliveries are being sent."""
        return len(self._sending)

    @property
    def free(self) -> int:
        """How many more could be sent at once."""
        return self._threads - len(self._sending)

    def by_connector(self) -> Counter[int]:
        """How many are being sent, by connector."""
        return Counter(connector_id for _, connector_id in self._sending)

    def start(self, leased: Leased, connector: Connector, *, deadline: float) -> None:
        """Sends in a thread, if by then the whole exchange fits before `deadline` (monotonic seconds)."""
        future = self._executor.submit(self._send, leased, connector, deadline)
        self._sending[leased.event_id, leased.connector_id] = (leased, connector, future)

    def wake(self) -> None:
        """Ends a wait for answers early."""
        self._arrivals.put(None)

    def collect(self, *, wait_seconds: float) -> list[Sent]:
        """What has arrived, waiting for a first answer (or a wake) at most so long."""
        arrived: list[Sent | None] = []
        if wait_seconds > 0:
            with contextlib.suppress(queue.Empty):
                arrived.append(self._arrivals.get(timeout=wait_seconds))
        while not self._arrivals.empty():
            arrived.append(self._arrivals.get())
        return [sent for sent in arrived if sent is not None and self._sending.pop(sent.key, None) is not None]

    def take_back(self) -> list[Leased]:
        """Those that no thread has begun to send, which now none will."""
        unsent = [leased for leased, _, future in self._sending.values() if future.cancel()]
        for leased in unsent:
            del self._sending[leased.event_id, leased.connector_id]
        return unsent

    def abandon(self) -> list[Sent]:
        """Gives up on what is still being sent, as interrupted; what the threads bring later is nobody's."""
        words = "the worker stopped before the receiver answered; it may have the report"
        left = [
            Sent(leased, connector, self._now(), None, Response(Outcome.INTERRUPTED, 0.0, error=words))
            for leased, connector, _ in self._sending.values()
        ]
        self._sending.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)
        return left

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
            response = Response(Outcome.REPORT, 0.0, error_code="not_sendable", error=words)
            sent = Sent(leased, connector, started_at, None, response)
        finally:
            self._arrivals.put(sent)
