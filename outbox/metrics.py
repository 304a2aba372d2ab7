"""What this process does, counted for Prometheus: relay and daemon tell it as they go, a batch at a time."""

import time
from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from outbox import __version__
from outbox.model import Attempt, Outcome, Settled

STATEMENT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ATTEMPT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0)
SCAN_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
ENDS = (Settled.DELIVERED.value, Settled.DEAD.value)
"""What an attempt can settle; each is counted from zero on, or the first one would be no increase."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody asks for


class Measures:
    """One process's counters, in a registry of its own. Labels are connectors that stand, and closed lists of words.

    Told by the relay's thread; jobs, alerts and polls may be told by any. `beat_at` is when the relay's loop last
    turned, `beat` a moment of the monotonic clock.
    """

    def __init__(self, *, transport: str = "") -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("outbox_build", "Version and transport.", registry=self.registry).info(
            {"version": __version__, "transport": transport}
        )
        self._routed = self._counter("events_routed", "Events whose deliveries were decided.")
        self._route_seconds = self._histogram("route_seconds", "A batch routed.", STATEMENT_SECONDS)
        self._claimed = self._counter("deliveries_claimed", "Deliveries leased by this process.")
        self._claim_seconds = self._histogram("claim_seconds", "A claim.", STATEMENT_SECONDS)
        self._lost = self._counter("leases_lost", "Leases taken over whose worker had not come back in time.")
        self._attempts = self._counter("attempts", "Attempts by connector and outcome.", "connector", "outcome")
        self._attempt_seconds = self._histogram("attempt_seconds", "An exchange.", ATTEMPT_SECONDS, "connector")
        self._settled = self._counter(
            "deliveries_settled", "Deliveries settled for good, by how.", "connector", "settled"
        )
        self._settle_seconds = self._histogram("settle_seconds", "A batch of attempts written.", STATEMENT_SECONDS)
        self._poll_failures = self._counter("poll_failures", "Runs of the relay that the database ended.")
        self._chore_failures = self._counter("chore_failures", "Periodic jobs that failed.", "chore")
        self._scan_seconds = self._histogram("expiry_scan_seconds", "A scan for contracts that expired.", SCAN_SECONDS)
        self._expired = self._counter("expiry_raised", "Events `expired` that scans raised.")
        self._alerts = self._counter("alerts_sent", "Alerts sent to the hook, by outcome.", "outcome")
        self._in_hand = self._gauge("deliveries_in_hand", "Deliveries that are being sent or wait here for their turn.")
        self._beat = self._gauge("beat_timestamp_seconds", "When the relay's loop last turned.")
        self._connectors: dict[str, Histogram] = {}
        self.beat_at = time.monotonic()
        self._beat.set_function(lambda: time.time() - (time.monotonic() - self.beat_at))
        self._alerts.labels(Outcome.OK.value)

    def beat(self) -> None:
        """Says that the relay's loop turns."""
        self.beat_at = time.monotonic()

    def count_in_hand(self, count: Callable[[], int]) -> None:
        """How to find how many deliveries are in hand."""
        self._in_hand.set_function(count)

    def keep(self, connectors: Collection[str]) -> None:
        """These connectors stand: each is counted from zero on, and what was counted of others is dropped."""
        for name in self._connectors.keys() - set(connectors):
            self._drop(name)
        for name in connectors:
            self._seconds_of(name)

    def routed(self, events: int, *, seconds: float) -> None:
        """A batch of events was routed."""
        self._routed.inc(events)
        self._route_seconds.observe(seconds)

    def claimed(self, deliveries: int, *, lost: int = 0, seconds: float | None = None) -> None:
        """Deliveries were leased: at birth, or by a claim that took so long and took over lost leases."""
        self._claimed.inc(deliveries)
        self._lost.inc(lost)
        if seconds is not None:
            self._claim_seconds.observe(seconds)

    def settled(
        self, attempts: Iterable[tuple[str, Attempt]], *, late: Collection[tuple[int, int]], seconds: float
    ) -> None:
        """A batch of attempts was written, each with its connector's name; `late` had lost their lease."""
        outcomes: Tally[tuple[str, str]] = Tally()
        ends: Tally[tuple[str, str]] = Tally()
        for name, one in attempts:
            came_late = bool(late) and (one.leased.connector_id, one.leased.event_id) in late
            outcomes[name, Outcome.LATE.value if came_late else one.response.outcome.value] += 1
            if one.settled is not None and not came_late:
                ends[name, one.settled.value] += 1
            if one.url is not None:
                self._seconds_of(name).observe(one.response.duration_ms / 1000)
        for labels, count in outcomes.items():
            self._attempts.labels(*labels).inc(count)
        for labels, count in ends.items():
            self._settled.labels(*labels).inc(count)
        self._settle_seconds.observe(seconds)

    def poll_failed(self) -> None:
        """The database ended a run of the relay."""
        self._poll_failures.inc()

    def chore_failed(self, chore: str) -> None:
        """A periodic job failed; it runs again at its next time."""
        self._chore_failures.labels(chore).inc()

    def expiry_scanned(self, *, seconds: float, raised: int) -> None:
        """A scan for expired contracts ended, and raised so many."""
        self._scan_seconds.observe(seconds)
        self._expired.inc(raised)

    def alert_sent(self, outcome: Outcome) -> None:
        """An alert was sent to the hook."""
        self._alerts.labels(outcome.value).inc()

    def _seconds_of(self, name: str) -> Histogram:
        found = self._connectors.get(name)
        if found is None:
            found = self._connectors[name] = self._attempt_seconds.labels(name)
            self._attempts.labels(name, Outcome.OK.value)
            for settled in ENDS:
                self._settled.labels(name, settled)
        return found

    def _drop(self, name: str) -> None:
        del self._connectors[name]
        self._attempt_seconds.remove(name)
        for outcome in Outcome:
            self._attempts.remove(name, outcome.value)
        for settled in ENDS:
            self._settled.remove(name, settled)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"outbox_{name}", words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str) -> Gauge:
        return Gauge(f"outbox_{name}", words, registry=self.registry)

    def _histogram(self, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"outbox_{name}", words, labels, buckets=buckets, registry=self.registry)
