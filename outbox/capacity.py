"""What this worker may have in flight and send, by connector: its shares of limits and rates, kept in memory.

Shares are renewed every heartbeat and hold for five from the moment before they were asked for: a worker that can't
reach the database stops starting sends by itself, and the others wait until nothing of it can be in flight.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from outbox import __version__, worker
from outbox.shares import HEARTBEATS, Bucket, Standing, next_share, own_rate, part
from outbox.worker import Crew, Worker

LATE_HEARTBEATS = 2
PACE_SECONDS = 0.05
"""A rate is served in steps no shorter than this: one claim for each report would cost more than the reports."""


@dataclass(slots=True)
class _Share:
    """`slots` is what may be in flight here; the row may say more while what is in flight is more."""

    slots: int = 0
    bucket: Bucket | None = None


class Capacity:
    """One worker's shares. `renew` may be called from any thread; all else belongs to the relay's."""

    def __init__(self, engine: Engine, *, name: str, transport: str, heartbeat_seconds: float) -> None:
        self._engine = engine
        self._heartbeat_seconds = heartbeat_seconds
        self._worker = Worker(
            name, socket.gethostname(), os.getpid(), __version__, transport, HEARTBEATS * heartbeat_seconds
        )
        self._renewing = threading.Lock()
        self._shared = threading.Lock()
        self._shares: dict[int, _Share] = {}
        self._busy: dict[int, int] = {}
        self._hungry: set[int] = set()
        self._asked_at = -float("inf")
        self._even: Crew | None = None
        self._outdated = True
        self._left = False

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
        """Says that this worker lives, and takes its shares; returns whether any grew."""
        with self._renewing:
            if self._left:
                return False
            asked_at = time.monotonic()
            self._doubt(asked_at)
            granted: dict[int, tuple[Standing, int]] = {}
            with self._engine.begin() as connection:
                crew = worker.heartbeat(connection, self._worker)
                if asks := crew != self._even:
                    granted = self._divide(worker.standing_shares(connection, self._worker.name), crew)
                    changed = {one.connector_id: slots for one, slots in granted.values() if slots != one.own}
                    worker.write_shares(connection, self._worker.name, changed)
            if not asks:
                self._doubt(time.monotonic())
            if asks or self._even is not None:
                self._asked_at = asked_at
            return asks and self._grant(granted, crew)

    def _doubt(self, now: float) -> None:
        """Once its right is over, the others may take back what a worker had: whether they did must be asked."""
        if now >= self.until:
            self._even = None

    def _divide(self, standing: list[Standing], crew: Crew) -> dict[int, tuple[Standing, int]]:
        """The share to take of each connector; where it shrinks, nothing more is started from now on."""
        granted: dict[int, tuple[Standing, int]] = {}
        for one in standing:
            target = part(one, workers=crew.workers, worker=self._worker.name)
            with self._shared:
                share = self._shares.setdefault(one.connector_id, _Share())
                share.slots = min(share.slots, target)
                busy = self._busy.get(one.connector_id, 0)
            granted[one.connector_id] = one, next_share(one, target=target, busy=busy)
        return granted

    def _grant(self, granted: Mapping[int, tuple[Standing, int]], crew: Crew) -> bool:
        """Takes what is written; remembers whether all is as it should be, so that nothing need be asked again."""
        grew, even, now = False, True, time.monotonic()
        with self._shared:
            for connector_id in self._shares.keys() - granted.keys():
                del self._shares[connector_id]
            for connector_id, (one, written) in granted.items():
                target = part(one, workers=crew.workers, worker=self._worker.name)
                share, slots = self._shares[connector_id], min(written, target)
                grew, even = grew or slots > share.slots, even and written == target
                share.slots = slots
                rate = own_rate(one, slots=slots)
                if rate is None:
                    share.bucket = None
                else:
                    share.bucket = (share.bucket or Bucket.empty(rate, now=now)).paced(rate, now=now)
        self._even = crew if even else None
        return grew

    def room(self, busy: Mapping[int, int]) -> dict[int, int]:
        """How many may be claimed of each connector now, beside what is `busy`; reserved until `taken`."""
        now = time.monotonic()
        with self._shared:
            room = {} if now >= self.until else {one: self._room(one, busy.get(one, 0), now) for one in self._shares}
            self._busy = {one: busy.get(one, 0) + room.get(one, 0) for one in {*busy, *room}}
        return room

    def _room(self, connector_id: int, busy: int, now: float) -> int:
        share = self._shares.get(connector_id, _Share())
        free = max(0, share.slots - busy)
        return free if share.bucket is None else min(free, share.bucket.whole(now))

    def taken(self, wanted: Mapping[int, int], claimed: Mapping[int, int], busy: Mapping[int, int]) -> None:
        """Ends a reservation: what was `claimed` of what was `wanted`, and what is `busy` now."""
        now = time.monotonic()
        with self._shared:
            self._busy = dict(busy)
            still = {one for one in self._hungry - wanted.keys() if self._room(one, 0, now) < 1}
            self._hungry = still | {one for one, most in wanted.items() if claimed.get(one, 0) == most}
            for connector_id in claimed:
                share = self._shares.get(connector_id)
                if share is not None and share.bucket is not None:
                    share.bucket = share.bucket.less(claimed[connector_id], now=now)

    def pause_seconds(self) -> float | None:
        """How long until a rate lets more go of what is known to wait; None where nothing waits for a rate."""
        now = time.monotonic()
        with self._shared:
            buckets = [self._shares[one].bucket for one in self._hungry & self._shares.keys()]
            pauses = [bucket.wait_seconds(now) for bucket in buckets if bucket is not None and bucket.rate > 0]
        return max(PACE_SECONDS, min(pauses)) if pauses else None

    def leave(self, *, forget: bool = False) -> None:
        """Gives the shares back in good order; with `forget` no row of this worker stays."""
        with self._renewing, self._engine.begin() as connection:
            self._left, self._asked_at = True, -float("inf")
            (worker.forget_worker if forget else worker.worker_stopped)(connection, self._worker.name)
