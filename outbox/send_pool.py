"""Sends from a pool of threads: one thread hands in orders and collects what came of them."""

import contextlib
import math
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from outbox.log import get_log
from outbox.model import Connector, Leased, Outcome, Request, Response
from outbox.request import build_request
from outbox.sender import Transport

SLOW_SECONDS = 0.05
"""A thread that has been sending for so long waits for its receiver, and another may run in its place."""
_PACE = 0.2


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


@dataclass(slots=True)
class _Line:
    """What waits here for one connector. Never more turns than slots, and one send a turn."""

    slots: int = 0
    turns: int = 0
    waiting: deque[_Order] = field(default_factory=deque)
    seconds: float | None = None

    @property
    def slow(self) -> bool:
        """Whether a send may take long, by its receiver's pace, or for all that is known of it."""
        return self.seconds is None or self.seconds > SLOW_SECONDS

    def timed(self, response: Response) -> None:
        """Keeps the pace of a receiver that takes reports; of one that fails nothing is expected."""
        seconds = response.duration_ms / 1000
        if response.outcome is not Outcome.OK:
            self.seconds = None
        else:
            self.seconds = seconds if self.seconds is None else self.seconds + _PACE * (seconds - self.seconds)


class SendPool:
    """Threads that send, connectors in turn. Only `wake` and `limit` may be called from other threads than the owner's.

    `threads` serve the receivers that are known to be quick. A turn of any other brings a thread of its own, up to
    `most_threads` in all: receivers that hang hold up no other, and where all are quick there are no more threads than
    the interpreter runs well. They are daemons: a receiver that doesn't answer must not keep a process that was told to
    stop.
    """

    def __init__(self, transport: Transport, *, threads: int, most_threads: int, now: Callable[[], datetime]) -> None:
        self._transport = transport
        self._threads = threads
        self._most_threads = most_threads
        self._now = now
        self._lock = threading.Lock()
        self._running = 0
        self._closed = False
        self._lines: dict[int, _Line] = {}
        self._turns: queue.SimpleQueue[_Line | None] = queue.SimpleQueue()
        self._stuck = 0
        self._sending_since: dict[int, float] = {}
        self._begun: dict[_Key, datetime] = {}
        self._arrivals: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._held: dict[_Key, _Order] = {}
        self._by_connector: Counter[int] = Counter()

    def __len__(self) -> int:
        """How many deliveries are here, being sent or waiting for their turn."""
        return len(self._held)

    def held(self, connector_id: int) -> int:
        """How many of one connector's are here."""
        return self._by_connector[connector_id]

    def sending(self, connector_id: int) -> int:
        """How many of one connector's may be at its receiver now."""
        line = self._lines.get(connector_id)
        return 0 if line is None else line.turns

    def seconds(self, connector_id: int) -> float | None:
        """How long one connector's receiver takes for a report lately; None where it fails, and before the first."""
        line = self._lines.get(connector_id)
        return None if line is None else line.seconds

    def slots(self, connector_id: int) -> int:
        """How many of a connector's may be sent at the same time."""
        line = self._lines.get(connector_id)
        return 0 if line is None else line.slots

    def limit(self, connector_id: int, slots: int) -> int:
        """Changes how many of a connector's may be sent at the same time; from any thread.

        Returns how many may be at its receiver now: more than `slots` until those that are under way have ended.
        With no slot left, what waits here is given back.
        """
        with self._lock:
            line = self._lines.setdefault(connector_id, _Line())
            line.slots = slots
            turns = max(0, min(slots - line.turns, len(line.waiting)))
            line.turns += turns
            sending = line.turns
        self._give_turns(line, turns)
        if not slots:
            self.give_back(connector_id)
        return sending

    def give_back(self, connector_id: int) -> None:
        """Lets what waits here for a connector arrive unsent."""
        with self._lock:
            waiting = self._lines.setdefault(connector_id, _Line()).waiting
            orders = list(waiting)
            waiting.clear()
        for order in orders:
            self._arrivals.put(Sent(order.leased, order.connector, self._now()))

    def start(self, leased: Leased, connector: Connector, *, deadline: float) -> None:
        """Sends in its turn, if by then the whole exchange fits before `deadline` (monotonic seconds)."""
        order = _Order(leased, connector, deadline)
        self._held[_key(leased)] = order
        self._by_connector[connector.id] += 1
        with self._lock:
            line = self._lines.setdefault(connector.id, _Line())
            line.waiting.append(order)
            turn = line.turns < line.slots
            line.turns += turn
        if turn:
            self._give_turns(line, 1)
        elif not line.slots:
            self.give_back(connector.id)

    def wake(self) -> None:
        """Ends a wait for answers early."""
        self._arrivals.put(None)

    def collect(self, *, wait_seconds: float) -> list[Sent]:
        """What has arrived, waiting for a first answer (or a wake) at most so long."""
        self._unstick()
        arrived: list[Sent | None] = []
        if wait_seconds > 0:
            with contextlib.suppress(queue.Empty):
                stuck_seconds = wait_seconds if self._turns.empty() else SLOW_SECONDS
                arrived.append(self._arrivals.get(timeout=min(wait_seconds, stuck_seconds)))
        while not self._arrivals.empty():
            arrived.append(self._arrivals.get())
        return [sent for sent in arrived if sent is not None and self._took(sent)]

    def take_back(self) -> list[Sent]:
        """Those that no thread has begun to send, which now none will; the threads end with what they are at."""
        self._closed = True
        with self._lock:
            orders = [order for line in self._lines.values() for order in line.waiting]
            for line in self._lines.values():
                line.waiting.clear()
            for _ in range(self._running):
                self._turns.put(None)
        unsent = [Sent(order.leased, order.connector, self._now()) for order in orders]
        return [sent for sent in unsent if self._took(sent)]

    def abandon(self) -> list[Sent]:
        """Gives up on what is still being sent, as interrupted; what the threads bring later is nobody's."""
        left = [self._interrupted(order) for order in self._held.values()]
        self._held.clear()
        self._by_connector.clear()
        return left

    def _interrupted(self, order: _Order) -> Sent:
        words = "the worker stopped before the receiver answered; it may have the report"
        now = self._now()
        begun = self._begun.get(_key(order.leased), now)
        milliseconds = (now - begun).total_seconds() * 1000
        response = Response(Outcome.INTERRUPTED, milliseconds, error=words)
        return Sent(order.leased, order.connector, begun, None, response)

    def _took(self, sent: Sent) -> bool:
        """Takes it off the books; False where it was given up before."""
        if self._held.pop(_key(sent.leased), None) is None:
            return False
        self._begun.pop(_key(sent.leased), None)
        self._by_connector[sent.connector.id] -= 1
        if sent.response is not None:
            self._lines[sent.connector.id].timed(sent.response)
        return True

    def _give_turns(self, line: _Line, turns: int) -> None:
        for _ in range(turns):
            self._turns.put(line)
        most = self._most_threads if line.slow else self._threads
        self._add_threads(min(turns, most - self._running))

    def _unstick(self) -> None:
        """Starts a thread for each that has come to wait for its receiver, where turns wait for a thread."""
        now = time.monotonic()
        self._stuck = sum(now - since > SLOW_SECONDS for since in list(self._sending_since.values()))
        if not self._closed and (waiting := self._turns.qsize()):
            allowed = min(self._threads + self._stuck, self._most_threads)
            self._add_threads(min(waiting, allowed - self._running))

    def _add_threads(self, number: int) -> None:
        for _ in range(number):
            try:
                threading.Thread(target=self._run, name="send", daemon=True).start()
            except RuntimeError as error:  # the machine has no room for a thread; those there are go on
                get_log().warning("no_thread_to_send", threads=self._running, error=str(error))
                return
            with self._lock:
                self._running += 1

    def _run(self) -> None:
        while (line := self._turns.get()) is not None:
            self._take_turn(line)
            with self._lock:
                if self._running > self._threads + self._stuck:
                    self._running -= 1
                    return

    def _take_turn(self, line: _Line) -> None:
        with self._lock:
            order = line.waiting.popleft() if line.waiting and line.turns <= line.slots else None
        if order is not None:
            me = threading.get_ident()
            self._sending_since[me] = -math.inf if line.slow else time.monotonic()
            self._arrivals.put(self._send(order.leased, order.connector, order.deadline))
            del self._sending_since[me]
        with self._lock:
            again = bool(line.waiting) and line.turns <= line.slots
            line.turns -= not again
        if again:
            self._turns.put(line)

    def _send(self, leased: Leased, connector: Connector, deadline: float) -> Sent:
        started_at = self._now()
        if time.monotonic() + connector.timeout_seconds > deadline:
            return Sent(leased, connector, started_at)
        self._begun[_key(leased)] = started_at
        request: Request | None = None
        try:
            request = build_request(leased, connector, now=started_at)
            return Sent(leased, connector, started_at, request, self._transport.send(request))
        except Exception as error:  # noqa: BLE001 (a thread's failure is an attempt's outcome, or the delivery hangs)
            get_log().exception("send_failed", event_id=leased.event_id, connector=connector.name)
            outcome = Outcome.REPORT if leased.body is None else Outcome.PROTOCOL
            words = f"could not be sent: {type(error).__name__}; see the log"
            response = Response(outcome, 0.0, error_code="not_sendable", error=words)
            return Sent(leased, connector, started_at, request, response)
