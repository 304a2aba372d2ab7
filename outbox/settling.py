"""Hop 5: what came back is written in batches, and stays until it is."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox import health, store
from outbox.breaker import Turn
from outbox.connectors import disable
from outbox.db import first_line, is_transient
from outbox.holds import Holds
from outbox.log import get_log
from outbox.metrics import Measures
from outbox.moment import write_moment
from outbox.send_pool import Sent
from outbox.settlement import Settlement, settlement

SETTLE_MOST = 200
"""In one go: what hung together comes back together, and routing must not wait for hundreds to be written."""
SETTLE_ENOUGH = 64
LINGER_SECONDS = 0.02
"""An attempt waits so long for others to be written with, while any are under way."""
GONE = "the receiver answered 410 Gone"


class Settling:
    """Attempts that wait to be written; belongs to the relay's thread."""

    def __init__(
        self,
        engine: Engine,
        holds: Holds,
        measures: Measures,
        *,
        worker: str,
        schedule: Sequence[float],
        dice: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._holds = holds
        self._measures = measures
        self._worker = worker
        self._schedule = schedule
        self._dice = dice
        self._waiting: list[Sent] = []
        self.at = math.inf
        self.stopped: set[int] = set()
        """The connectors that the last write found to be sent nothing more for now."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be taken before it is written."""
        return len(self._waiting) >= SETTLE_MOST

    def add(self, sent: Sequence[Sent]) -> None:
        """Takes what came back."""
        if sent and not self._waiting:
            self.at = time.monotonic() + LINGER_SECONDS
        self._waiting += sent

    def due(self, *, more: bool) -> bool:
        """Whether to write now; `more`: others are under way, and worth a short wait."""
        return bool(self._waiting) and (not more or len(self._waiting) >= SETTLE_ENOUGH or time.monotonic() >= self.at)

    def write(self, outcomes: Counter[str], queued: set[int]) -> None:
        """Writes the first of what waits; counts its outcomes, and adds the connectors that have something new to send.

        When the database refuses, what was not written stays for the next time.
        """
        self.stopped = set()
        queued |= self._release()
        left = most = min(SETTLE_MOST, len(self._waiting))
        while batch := self._waiting[: min(most, left)]:
            try:
                queued |= self._write_batch(batch)
                outcomes.update(sent.response.outcome.value for sent in batch if sent.response is not None)
            except DBAPIError as error:
                if is_transient(error):
                    raise
                if len(batch) > 1:
                    most = 1
                    continue
                # It will be `lost` when its lease runs out, and dead when its tries are: it must stop no other.
                get_log().error("attempt_not_recorded", event_id=batch[0].leased.event_id, error=first_line(error))
            del self._waiting[: len(batch)]
            left -= len(batch)
        self.at = time.monotonic() if self._waiting else math.inf

    def disable_given_up(self) -> None:
        """Disables the connectors whose receiver has not answered for days; what fails is tried with the next call."""
        self._holds.disable_given_up()

    def _release(self) -> set[int]:
        unsent = [sent for sent in self._waiting if sent.response is None]
        if unsent:
            with self._engine.begin() as connection:
                # Health before the queue, as claims and erasures take them.
                health.unprobed(connection, [sent.connector.id for sent in unsent if sent.connector.probed])
                store.release(connection, [sent.leased for sent in unsent])
            self._waiting = [sent for sent in self._waiting if sent.response is not None]
        return {sent.connector.id for sent in unsent}

    def _write_batch(self, batch: Sequence[Sent]) -> frozenset[int]:
        settlements = [self._settlement(sent) for sent in batch]
        gone = {(one.attempt.leased.connector_id, one.attempt.connector_version) for one in settlements if one.disables}
        for connector_id, version in sorted(gone):
            # Before its deliveries are due again, and apart: a transaction never waits for a connector under lanes.
            with self._engine.begin() as connection:
                disabled = disable(connection, connector_id, version=version, reason=GONE, by=self._worker)
            if disabled:
                name = next(sent.connector.name for sent in batch if sent.connector.id == connector_id)
                get_log().warning("connector_disabled", connector=name, reason=GONE)
        asked_at = time.monotonic()
        with self._engine.begin() as connection:
            attempts = [one.attempt for one in settlements]
            written = store.settle(connection, attempts, worker=self._worker)
            verdicts = self._holds.record(connection, attempts, late=written.late)
        probes = {one.connector_id: one.health.probe_at for one in verdicts if one.health is not None}
        named = ((sent.connector.name, one) for sent, one in zip(batch, attempts, strict=True))
        self._measures.settled(named, late=written.late, seconds=time.monotonic() - asked_at)
        self._holds.tell(verdicts, {sent.connector.id: sent.connector for sent in batch})
        self.stopped |= {one.connector_id for one in verdicts if one.turn is Turn.HELD}
        self.stopped |= {connector_id for connector_id, _ in gone}
        _log_settled(batch, settlements, probes, late=len(written.late))
        return written.promoted

    def _settlement(self, sent: Sent) -> Settlement:
        assert sent.response is not None  # noqa: S101 (the unsent were released before)
        return settlement(
            sent.leased,
            sent.connector,
            request=sent.request,
            response=sent.response,
            started_at=sent.started_at,
            schedule=self._schedule,
            jitter=self._dice(),
        )


def _log_settled(
    batch: Sequence[Sent], settlements: Sequence[Settlement], probes: Mapping[int, datetime | None], *, late: int
) -> None:
    """A line for each attempt; one that failed as a probe is tried again when its connector is probed next."""
    log = get_log()
    for sent, one in zip(batch, settlements, strict=True):
        attempt, response = one.attempt, one.attempt.response
        words = {
            "event_id": sent.leased.event_id,
            "connector": sent.connector.name,
            "attempt": sent.leased.attempt,
            "outcome": response.outcome.value,
            "status": response.status,
            "duration_ms": round(response.duration_ms, 1),
            "settled": attempt.settled,
        }
        if response.outcome == "ok":
            log.debug("attempt", **words)
        else:
            probe_at = probes.get(sent.connector.id) if attempt.probe else None
            again: dict[str, object] = {} if attempt.settled else {"retry_seconds": round(attempt.delay_seconds, 1)}
            if again and probe_at is not None:
                again = {"probe_at": write_moment(probe_at)}
            log.warning("attempt", **words, error=response.error, **again)
    if late:
        log.warning("settled_late", attempts=late)
