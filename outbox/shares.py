"""How workers share a connector's limit and rate: nobody asks before a send, and the sum never exceeds them (pure)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

HEARTBEATS = 5
"""For so many heartbeats a worker may start sends without having renewed its shares."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A connector's limit and rate, what a worker has of the limit, what all others have, and who can't send to it."""

    connector_id: int
    max_in_flight: int
    rate_per_second: float | None
    own: int
    others: int
    unable: tuple[str, ...] = ()

    def able(self, workers: Sequence[str]) -> list[str]:
        """Those of the workers that can send to it."""
        return [one for one in workers if one not in self.unable]


def part(standing: Standing, *, workers: Sequence[str], worker: str) -> int:
    """A worker's part of the limit: even, and what is left over goes to workers that rotate with the connector.

    One that is not among them has none.
    """
    if worker not in workers:
        return 0
    each, left = divmod(standing.max_in_flight, len(workers))
    place = (sorted(workers).index(worker) - standing.connector_id) % len(workers)
    return each + (1 if place < left else 0)


def next_share(standing: Standing, *, target: int, busy: int) -> int:
    """The share to take now: towards `target`, never under what is in flight, never over what the others leave."""
    if target <= standing.own:
        return min(standing.own, max(target, busy))
    return max(standing.own, min(target, standing.max_in_flight - standing.others))


def own_rate(standing: Standing, *, slots: int) -> float | None:
    """A worker's part of the rate, as large as its share of the limit; None where there is no rate."""
    if standing.rate_per_second is None:
        return None
    return standing.rate_per_second * slots / standing.max_in_flight


@dataclass(frozen=True, slots=True)
class Bucket:
    """What may be sent at once under a rate: a second's worth at most, but one at least.

    It starts empty: workers that come and go must not send more than the rate lets.
    """

    rate: float
    tokens: float
    at: float

    @classmethod
    def empty(cls, rate: float, *, now: float) -> Self:
        """A bucket that begins now."""
        return cls(rate, 0.0, now)

    def whole(self, now: float) -> int:
        """How many may be sent now."""
        return max(0, math.floor(self._filled(now).tokens))

    def wait_seconds(self, now: float) -> float:
        """How long until one may be sent; infinite where the rate is 0."""
        missing = 1.0 - self._filled(now).tokens
        if missing <= 0:
            return 0.0
        return missing / self.rate if self.rate > 0 else math.inf

    def less(self, sent: int, *, now: float) -> Self:
        """What is left after so many."""
        filled = self._filled(now)
        return replace(filled, tokens=filled.tokens - sent)

    def paced(self, rate: float, *, now: float) -> Self:
        """The same under another rate from now on; what is over its second's worth is gone."""
        filled = self._filled(now)
        return replace(filled, rate=rate, tokens=min(filled.tokens, max(1.0, rate)))

    def _filled(self, now: float) -> Self:
        gained = max(0.0, now - self.at) * self.rate
        return replace(self, tokens=min(max(1.0, self.rate), self.tokens + gained), at=max(now, self.at))
