"""What a worker may take: how much of each connector, from where in its queue, and for how long."""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

from outbox.capacity import Capacity
from outbox.model import Connector, Leased
from outbox.send_pool import SendPool
from outbox.store import Want

WATERMARK_MARGIN = timedelta(seconds=2)
WATERMARK_SECONDS = 5.0
AHEAD_SECONDS = 0.25
"""So much work is kept ready for each connector, by the pace of its receiver: claims are batches, or nothing."""
MOST_AHEAD = 32
LONGEST_PAUSE_SECONDS = 0.25
PACE_SECONDS = 0.05
"""A rate is served in steps no shorter than this: one claim for each report would cost more than the reports."""
MOST_HERE = 1000
MOST_BYTES = 64 * 1024 * 1024
FIRST_BYTES = 256 * 1024
"""What a body is taken for before the first was seen: bodies may have a megabyte, and claims bring many."""


class Room:
    """Belongs to the relay's thread."""

    def __init__(
        self, pool: SendPool, capacity: Capacity, *, lease_margin_seconds: float, dice: Callable[[], float]
    ) -> None:
        self._pool = pool
        self._capacity = capacity
        self._lease_margin_seconds = lease_margin_seconds
        self._dice = dice
        self._lows: dict[int, datetime] = {}
        self._lows_since = time.monotonic()
        self._drained: set[int] = set()
        self._claimed_at = -math.inf
        self._mean_bytes = float(FIRST_BYTES)

    @property
    def most(self) -> int:
        """How many more deliveries this worker holds at all, by their number and by what their bodies take."""
        return min(MOST_HERE, int(MOST_BYTES / self._mean_bytes)) - len(self._pool)

    def forget(self) -> None:
        """Looks at whole queues again: the connectors changed, or it is time for what was due before a watermark."""
        self._lows.clear()
        self._drained.clear()
        self._lows_since = time.monotonic()

    def lease_seconds(self, connector: Connector) -> float:
        """A lease outlasts the longest send, and what may wait here before it."""
        return connector.timeout_seconds + self._lease_margin_seconds

    def hungry(self, connectors: Iterable[Connector]) -> bool:
        """Whether a claim is worth its statement: some connector has much room, and more may wait for it."""
        paced = time.monotonic() < self._claimed_at + PACE_SECONDS
        return self.most > 0 and any(
            one.id not in self._drained
            and one.sends
            and not (paced and one.rate_per_second is not None)
            and self._take(one) > self._pool.held(one.id)
            for one in connectors
        )

    def pause_seconds(self, connectors: Iterable[Connector]) -> float | None:
        """How long until a rate lets more go of what may wait for it; None where that is not worth waiting for here."""
        rated = (one.id for one in connectors if one.sends and one.id not in self._drained)
        pauses = (self._capacity.wait_seconds(connector_id) for connector_id in rated)
        shortest = min((pause for pause in pauses if pause is not None), default=None)
        return None if shortest is None or shortest > LONGEST_PAUSE_SECONDS else max(PACE_SECONDS, shortest)

    def probes(self, connectors: Iterable[Connector]) -> dict[int, float]:
        """The lease of a probe, for each held connector that there is room to probe."""
        return {one.id: self.lease_seconds(one) for one in connectors if one.probed and self._take(one) > 0}

    def wants(self, connectors: Iterable[Connector], probes: Collection[int] = ()) -> list[Want]:
        """What each connector has room for, one of those to probe; those with the least here come first."""
        if time.monotonic() - self._lows_since > WATERMARK_SECONDS:
            self.forget()
        roomy = [(one, take) for one in connectors if one.sends and (take := self._take(one)) > 0]
        roomy.sort(key=lambda pair: (self._pool.held(pair[0].id), self._dice()))
        probed = [Want(one.id, 1, self.lease_seconds(one), None) for one in connectors if one.id in probes]
        return probed + [Want(one.id, take, self.lease_seconds(one), self._lows.get(one.id)) for one, take in roomy]

    def note_claimed(self, wants: Sequence[Want], claimed: Sequence[Leased], *, most: int, at: datetime) -> None:
        """Remembers which connectors had no more to give, and from where the next claim need look for them."""
        self._claimed_at = time.monotonic()
        if len(claimed) >= most:
            return
        taken = Counter(leased.connector_id for leased in claimed)
        for want in wants:
            if taken[want.connector_id] < want.take:
                self._drained.add(want.connector_id)
                self._lows[want.connector_id] = at - WATERMARK_MARGIN

    def note_bodies(self, leased: Sequence[Leased]) -> None:
        """Learns how large bodies are."""
        if leased:
            mean = sum(len(one.body or b"") for one in leased) / len(leased)
            self._mean_bytes = max(1.0, (self._mean_bytes + mean) / 2)

    def note_queued(self, connector_ids: Iterable[int]) -> None:
        """Remembers which connectors have something new to give."""
        self._drained.difference_update(connector_ids)

    def leases(self) -> Callable[[Connector], float | None]:
        """Leases at birth for one batch: where nothing older of a connector waits and there is room to send it soon."""
        given: Counter[int] = Counter()

        def lease_for(connector: Connector) -> float | None:
            if (
                not connector.sends
                or connector.id not in self._drained
                or given[connector.id] >= self._take(connector)
                or given.total() >= self.most
            ):
                return None
            given[connector.id] += 1
            return self.lease_seconds(connector)

        return lease_for

    def _take(self, connector: Connector) -> int:
        """Room for more of a connector: what its receiver takes in a moment, less what is here; never over its rate."""
        seconds, tokens = self._pool.seconds(connector.id), self._capacity.tokens(connector.id)
        # Under a rate nothing is kept ready: it would gather behind a receiver that hangs, and leave at once.
        quick = seconds is not None and tokens is None
        ahead = min(MOST_AHEAD, max(1.0, AHEAD_SECONDS / max(seconds or 0.0, 1e-6))) if quick else 1.0
        free = math.floor(self._capacity.slots(connector.id) * ahead) - self._pool.held(connector.id)
        return free if tokens is None else min(free, tokens)
