"""The relay: routes, claims, sends and settles until nothing is due."""

import contextlib
import math
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox import health, retry, store
from outbox.breaker import Rules
from outbox.capacity import Capacity
from outbox.clock import DatabaseClock
from outbox.connectors import UNOPENED, connectors_stamp, load_connectors
from outbox.db import first_line, has_to_wait
from outbox.holds import Holds
from outbox.log import get_log
from outbox.metrics import Measures
from outbox.model import Connector, Leased
from outbox.room import Room
from outbox.router import ConnectorsChangedError, Router, RoutingStuckError
from outbox.routing import ConnectorIndex
from outbox.secret_box import SecretBox
from outbox.send_pool import SendPool, Sent
from outbox.sender import Transport
from outbox.settings import Settings
from outbox.settlement import SPENT
from outbox.settling import Settling

LOOK_SECONDS = 0.25
"""While sends are under way: how often it looks for what no wake-up, no answer and no claim told of."""
ROUTE_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Passed:
    """What one run did: events routed, deliveries claimed, attempts settled by outcome."""

    events: int = 0
    claimed: int = 0
    attempts: Counter[str] = field(default_factory=Counter)

    @property
    def something(self) -> bool:
        """Whether there was work."""
        return bool(self.events or self.claimed or self.attempts)


class Relay:
    """One process's hops 2 to 5; `run_until_idle` and `drain` belong to one thread at a time, `wake` to any."""

    def __init__(
        self,
        settings: Settings,
        *,
        claiming: Engine,
        settling: Engine,
        transport: Transport,
        box: SecretBox,
        worker: str,
        measures: Measures | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._measures = measures or Measures()
        self._claiming = claiming
        self._box = box
        self._worker = worker
        self._clock = DatabaseClock()
        self._router = Router(
            claiming, most=settings.relay.route_batch, max_bytes=settings.report.max_bytes, worker=worker
        )
        relay = settings.relay
        self._pool = SendPool(transport, threads=relay.threads, most_threads=relay.most_threads, now=self._clock.now)
        self.capacity = Capacity(
            settling,
            self._pool,
            name=worker,
            transport=transport.name,
            heartbeat_seconds=relay.heartbeat_seconds,
        )
        self._room = Room(self._pool, self.capacity, lease_margin_seconds=relay.lease_margin_seconds, dice=dice)
        holds = Holds(settling, worker=worker, rules=Rules(relay.hold_after_failures, relay.disable_after_days))
        self._settling = Settling(
            settling, holds, self._measures, worker=worker, schedule=relay.schedule_seconds, dice=dice
        )
        self._measures.count_in_hand(self._pool.__len__)
        self._connectors = ConnectorIndex(())
        self._stamp: object = None
        self._route_at = -math.inf
        self._claim_at = -math.inf
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Says that there may be something to route."""
        self._route_at = min(self._route_at, time.monotonic())
        self._pool.wake()

    def stop(self) -> None:
        """Takes nothing new from now on; `run_until_idle` returns soon, `drain` ends what is under way."""
        self._stopping.set()
        self.wake()

    def run_until_idle(self, passed: Passed | None = None) -> Passed:
        """Moves everything that is due. When the database goes away it raises DBAPIError and forgets nothing.

        What came back before is settled first: after an outage a claim would take it for lost and send it again.
        What is done is counted in `passed`, so that the caller has it even when this raises.
        """
        passed = Passed() if passed is None else passed
        self._settling.add(self._pool.collect(wait_seconds=0))
        self._write_all(passed)
        looked = False
        while not self._stopping.is_set():
            self._measures.beat()
            if not self._busy:
                woken = self._route_at <= time.monotonic()
                if looked and not woken and not self._wait_for_rate():
                    break
                self._route_at = self._claim_at = -math.inf
                looked = True
            if self._route(passed) | self._claim_and_send(passed):
                looked = False
            self._settling.add(self._pool.collect(wait_seconds=self._wait_seconds()))
            if self._settling.due(more=bool(len(self._pool))):
                self._write(passed)
        return passed

    def drain(self, *, seconds: float, forget: bool = False) -> Passed:
        """Hands back what was not sent, waits for what is, records as interrupted what does not end in time; leaves.

        While the database refuses, it tries again until the time is up, and raises DBAPIError then.
        """
        passed = Passed()
        self.stop()
        deadline = time.monotonic() + seconds
        self._settling.add(self._pool.take_back())
        while self._busy and (left := deadline - time.monotonic()) > 0:
            self._settling.add(self._pool.collect(wait_seconds=min(LOOK_SECONDS, left)))
            with contextlib.suppress(DBAPIError):
                self._write(passed)
        self._settling.add([*self._pool.collect(wait_seconds=0), *self._pool.abandon()])
        self._write_all(passed)
        self.capacity.leave(forget=forget)
        return passed

    def left_due(self) -> tuple[int, int]:
        """How many notes are unrouted, and how many deliveries that may be sent are due."""
        with self._claiming.connect() as connection:
            self._look_at_connectors(connection)
            return store.due_left(connection, self._connectors.connectors)

    @property
    def _busy(self) -> bool:
        return bool(len(self._pool) or len(self._settling))

    def _look_at_connectors(self, connection: Connection) -> ConnectorIndex:
        """The connectors, read again when any has changed."""
        stamp = connectors_stamp(connection)
        if stamp != self._stamp:
            before, self._connectors = self._connectors, ConnectorIndex(load_connectors(connection, self._box))
            for one in before.connectors:
                now = self._connectors.by_id.get(one.id)
                if now is None or now.version != one.version or (one.sends and not now.sends):
                    self._pool.give_back(one.id)
            self._stamp = stamp
            self._measures.keep({one.name for one in self._connectors.connectors})
            self._room.forget()
            self.capacity.unopened = tuple(one.id for one in self._connectors.connectors if one.held_reason == UNOPENED)
            self.capacity.outdate()
        return self._connectors

    def _wait_seconds(self) -> float:
        """Until the next of: an answer is to be written, the inbox or the queue is to be looked at."""
        if not len(self._pool):
            return 0.0
        left = min(self._route_at, self._claim_at, self._settling.at) - time.monotonic()
        return 0.0 if left <= 0 or self._room.hungry(self._connectors.connectors) else left

    def _wait_for_rate(self) -> bool:
        """Waits, where something is known to wait for nothing but a rate; False where nothing does."""
        pause = self._room.pause_seconds(self._connectors.connectors)
        if pause is not None:
            self._settling.add(self._pool.collect(wait_seconds=min(pause, LOOK_SECONDS)))
        return pause is not None

    def _route(self, passed: Passed) -> bool:
        """Routes a batch; where that has to wait for a lock on the application's tables, sending goes on."""
        asked_at = time.monotonic()
        if asked_at < self._route_at:
            return False
        self._route_at = asked_at + LOOK_SECONDS
        try:
            routed = self._router.route(self._look_at_connectors, lease_for=self._room.leases())
        except ConnectorsChangedError:
            self._route_at = asked_at
            return True
        except (DBAPIError, RoutingStuckError) as error:
            if isinstance(error, DBAPIError) and not has_to_wait(error):
                raise
            self._route_at = asked_at + ROUTE_AGAIN_SECONDS
            get_log().warning("routing_waits", error=first_line(error), retry_seconds=ROUTE_AGAIN_SECONDS)
            return False
        if routed.events:
            self._route_at = asked_at
            self._room.note_queued(routed.queued)
            self._measures.routed(routed.events, seconds=time.monotonic() - asked_at)
            self._measures.claimed(len(routed.leased))
        passed.events += routed.events
        self._begin(routed.leased, passed, asked_at=asked_at)
        return routed.events > 0

    def _claim_and_send(self, passed: Passed) -> bool:
        asked_at = time.monotonic()
        if asked_at < self._claim_at and not self._room.hungry(self._connectors.connectors):
            return False
        self._claim_at = asked_at + LOOK_SECONDS
        self.capacity.keep()
        most = self._room.most
        if most <= 0 or self._settling.full:
            return False
        with self._claiming.begin() as connection:
            connectors = self._look_at_connectors(connection).connectors
            probes = health.win_probes(connection, self._room.probes(connectors))
            wants = self._room.wants(connectors, probes)
            if not wants:
                return False
            claimed = store.claim(connection, wants, most=most, token=secrets.randbits(63), worker=self._worker)
            health.unprobed(connection, sorted({*probes} - {one.connector_id for one in claimed.leased}))
        self._measures.claimed(len(claimed.leased), lost=claimed.lost, seconds=time.monotonic() - asked_at)
        self._clock.set(claimed.now)
        self._room.note_claimed(wants, claimed.leased, most=most, at=claimed.transaction_start)
        self._begin(claimed.leased, passed, asked_at=asked_at)
        return bool(claimed.leased)

    def _begin(self, leased: Sequence[Leased], passed: Passed, *, asked_at: float) -> None:
        passed.claimed += len(leased)
        self._room.note_bodies(leased)
        for one in leased:
            self._start(one, self._connectors.by_id[one.connector_id], asked_at=asked_at)

    def _start(self, leased: Leased, connector: Connector, *, asked_at: float) -> None:
        schedule = retry.schedule_for(connector, self._settings.relay.schedule_seconds)
        if retry.exhausted(leased.tries - 1, schedule):
            self._settling.add([Sent(leased, connector, self._clock.now(), None, SPENT)])
            return
        lease_ends, share_ends = asked_at + self._room.lease_seconds(connector), self.capacity.until
        self.capacity.spend(connector.id)
        self._pool.start(leased, connector, deadline=min(lease_ends, share_ends + connector.timeout_seconds))

    def _write_all(self, passed: Passed) -> None:
        self._write(passed)
        while len(self._settling):
            self._write(passed)

    def _write(self, passed: Passed) -> None:
        queued: set[int] = set()
        try:
            self._settling.write(passed.attempts, queued)
        finally:
            self._room.note_queued(queued)
            for connector_id in self._settling.stopped:
                self._pool.give_back(connector_id)
        self._settling.disable_given_up()
