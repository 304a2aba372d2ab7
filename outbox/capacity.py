"""What this worker may have in flight and send, by connector: its shares of limits and rates, kept in memory.

Shares are renewed every heartbeat and hold for five from the moment before they were asked for: a worker that can't
reach the database stops starting sends by itself, and the others wait until nothing of it can be in flight.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Engine

from outbox import __version__, worker
from outbox.send_pool import SendPool
from outbox.shares import HEARTBEATS, Bucket, Standing, next_share, own_rate, part
from outbox.worker import Crew, Worker

LATE_HEARTBEATS = 2


class _Granted(NamedTuple):
    """What stands of a connector, this worker's part of its limit, and the share that is written."""

    standing: Standing
    target: int
    slots: int


class Capacity:
    """One worker's shares; the pool keeps its slots. `renew` may be called from any thread, all else by the relay's."""

    def __init__(self, engine: Engine, pool: SendPool, *, name: str, transport: str, heartbeat_seconds: float) -> None:
        self._engine = engine
        self._pool = pool
        self._heartbeat_seconds = heartbeat_seconds
        self._worker = Worker(
            name, socket.gethostname(), os.getpid(), __version__, transport, HEARTBEATS * heartbeat_seconds
        )
        self._renewing = threading.Lock()
        self._shared = threading.Lock()
        self._known: set[int] = set()
        self._buckets: dict[int, Bucket] = {}
        self._asked_at = -float("inf")
        self._even: Crew | None = None
        self._outdated = True
        self._left = False
        self.unopened: tuple[int, ...] = ()

    @property
    def until(self) -> float:
        """The monotonic moment until which sends may be started."""
        return self._asked_at + self._worker.share_seconds

    def outdate(self) -> None:
        """Says that connectors have changed: `keep` renews."""
        self._outdated = True

    def keep(self) -> None:
        """Renews where connectors have changed, or where nobody else did in time."""
        if self._outdated or time.monotonic() - self._asked_at > LATE_HEARTBEATS * self._heartbeat_seconds:
            self._outdated = False
            self.renew()

    def renew(self) -> bool:
        """Says that this worker lives, and takes its shares; returns whether any grew. One that has left stays so."""
        with self._renewing:
            if self._left:
                return False
            asked_at = time.monotonic()
            self._doubt(asked_at)
            granted: dict[int, _Granted] = {}
            with self._engine.begin() as connection:
                crew = worker.heartbeat(connection, self._worker, unopened=self.unopened)
                if asks := crew != self._even:
                    self._even = None  # until it is granted: this may fail after slots were given up
                    granted = self._divide(worker.standing_shares(connection, self._worker.name), crew)
                    changed = {id_: one.slots for id_, one in granted.items() if one.slots != one.standing.own}
                    worker.write_shares(connection, self._worker.name, changed)
            if not asks:
                self._doubt(time.monotonic())
            grew = asks and self._grant(granted, crew)
            if asks or self._even is not None:
                self._asked_at = asked_at  # after the grant: what lapsed is no right until it is
            return grew

    def _doubt(self, now: float) -> None:
        """Once its right is over, the others may take back what a worker had: whether they did must be asked."""
        if now >= self.until:
            self._even = None

    def _divide(self, standing: list[Standing], crew: Crew) -> dict[int, _Granted]:
        """The share to take of each connector; where it shrinks, nothing more is started from now on."""
        granted: dict[int, _Granted] = {}
        for one in standing:
            target = part(one, workers=one.able(crew.workers), worker=self._worker.name)
            busy = self._pool.limit(one.connector_id, min(self._pool.slots(one.connector_id), target))
            granted[one.connector_id] = _Granted(one, target, next_share(one, target=target, busy=busy))
        return granted

    def _grant(self, granted: Mapping[int, _Granted], crew: Crew) -> bool:
        """Takes what is written; remembers whether all is as it should be, so that nothing need be asked again."""
        grew, even, now = False, True, time.monotonic()
        for connector_id in self._known - granted.keys():
            self._pool.limit(connector_id, 0)
        self._known = set(granted)
        for connector_id, (one, target, written) in granted.items():
            slots = min(written, target)
            grew, even = grew or slots > self.slots(connector_id), even and written == target
            self._pool.limit(connector_id, slots)
            self._pace(connector_id, own_rate(one, slots=slots), now)
        self._even = crew if even else None
        return grew

    def _pace(self, connector_id: int, rate: float | None, now: float) -> None:
        with self._shared:
            bucket = self._buckets.pop(connector_id, None)
            if rate is not None:
                self._buckets[connector_id] = (bucket or Bucket.empty(rate, now=now)).paced(rate, now=now)

    def slots(self, connector_id: int) -> int:
        """How many of a connector's this worker may have in flight; none where its share has lapsed."""
        return self._pool.slots(connector_id) if time.monotonic() < self.until else 0

    def tokens(self, connector_id: int) -> int | None:
        """How many of a connector's may be started now by its rate; None where it has none."""
        with self._shared:
            bucket = self._buckets.get(connector_id)
        return None if bucket is None else bucket.whole(time.monotonic())

    def spend(self, connector_id: int) -> None:
        """Counts one that is started."""
        with self._shared:
            if (bucket := self._buckets.get(connector_id)) is not None:
                self._buckets[connector_id] = bucket.less(1, now=time.monotonic())

    def wait_seconds(self, connector_id: int) -> float | None:
        """How long until its rate lets one more go; None where no rate of this worker's holds it up."""
        with self._shared:
            bucket = self._buckets.get(connector_id)
        return bucket.wait_seconds(time.monotonic()) if bucket is not None and bucket.rate > 0 else None

    def leave(self, *, forget: bool = False) -> None:
        """Gives the shares back in good order; with `forget` no row of this worker stays."""
        with self._renewing, self._engine.begin() as connection:
            self._left, self._asked_at = True, -float("inf")
            (worker.forget_worker if forget else worker.worker_stopped)(connection, self._worker.name)
