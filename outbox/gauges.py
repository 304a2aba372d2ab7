"""How the outbox stands, as gauges for Prometheus: read from the database when somebody scrapes, and seldom enough."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox import standing
from outbox.alerts import count_open
from outbox.db import first_line, has_to_wait
from outbox.kept import Kept
from outbox.log import get_log
from outbox.standing import Backlog, Standing

Answer = TypeVar("Answer")

STATES = ("enabled", "held", "disabled", "given_up")
LEAST_SECONDS = 10.0
SHARE = 50.0
"""No reading before fifty times as long as the last one took: a fiftieth of one core, however much waits."""
PATIENCE_SECONDS = 4.5
"""For each of two readings: Prometheus gives up a scrape after ten seconds."""

FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "database_up": ("Whether the database answered this process.", ()),
    "database_read_seconds": ("How long the last reading of these figures took, by part.", ("part",)),
    "database_read_timestamp_seconds": ("When these figures were read.", ("part",)),
    "lag_seconds": ("The longest that anything has waited which nothing but workers keeps.", ()),
    "unrouted_age_seconds": ("Age of the oldest event that is not routed.", ()),
    "unrouted_events": ("Events that are not routed.", ()),
    "overdue_age_seconds": ("How long the oldest delivery that may be sent has been due.", ("connector",)),
    "backlog_deliveries": ("Open deliveries.", ("connector", "state")),
    "connector_state": ("1 for the state that a connector is in.", ("connector", "state")),
    "capture_errors": ("Changes that could not be captured and wait for `outbox recapture`.", ()),
    "workers": ("Worker processes that live, on all hosts.", ()),
    "partition_room_events": ("Events until the last range of partitions ends.", ()),
    "default_partitions_filled": ("Default partitions that hold rows.", ()),
    "chore_last_run_timestamp_seconds": ("When a periodic job last had its turn, on whatever host.", ("chore",)),
    "alerts_open": ("Alerts that stand, by rule.", ("rule",)),
}


@dataclass(frozen=True, slots=True)
class Reading(Generic[Answer]):
    """What one look gave, how long it took, and when it was."""

    answer: Answer
    seconds: float
    read_at: float


class Gauges(Collector):
    """Collects them; where the database doesn't answer, `outbox_database_up` is 0 and the rest is absent, not stale.

    What an index tells and what must be counted are read apart: where there is too much to count in time, or seldom,
    all else is told all the same.
    """

    def __init__(self, engine: Engine, *, heartbeat_seconds: float) -> None:
        def stands(connection: Connection) -> tuple[Standing, Mapping[str, int]]:
            found = standing.read_standing(connection, heartbeat_seconds=heartbeat_seconds)
            return found, count_open(connection)

        self._standing = _kept(engine, stands)
        self._backlog = _kept(engine, standing.read_backlog)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, so that nothing is read to register them."""
        yield from (_family(name) for name in FAMILIES)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures, fresh or kept."""
        stands = _got(self._standing)
        backlog = _got(self._backlog).reading if stands.answers else None
        yield from families(stands.reading, backlog, answers=stands.answers)


def _kept(engine: Engine, read: Callable[[Connection], Answer]) -> Kept[Reading[Answer]]:
    def look() -> Reading[Answer]:
        began, read_at = time.monotonic(), time.time()
        with engine.connect() as connection:
            standing.limit(connection)
            answer = read(connection)
        return Reading(answer, time.monotonic() - began, read_at)

    return Kept(look, seconds=LEAST_SECONDS, share=SHARE, patience=PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Got(Generic[Answer]):
    """What was read, if anything, and whether the database answers: one that ends what waits for a lock does."""

    reading: Reading[Answer] | None
    answers: bool


def _got(kept: Kept[Reading[Answer]]) -> _Got[Answer]:
    try:
        return _Got(kept.get(), answers=True)
    except (DBAPIError, TimeoutError) as error:
        get_log().warning("database_not_read", error=first_line(error) or "no answer in time")
        return _Got(None, answers=isinstance(error, DBAPIError) and has_to_wait(error))


def families(
    stands: Reading[tuple[Standing, Mapping[str, int]]] | None, backlog: Reading[Backlog] | None, *, answers: bool
) -> Iterator[GaugeMetricFamily]:
    """The figures of these readings, or of none."""
    values: dict[str, dict[tuple[str, ...], float]] = {"database_up": {(): float(answers)}}
    if stands is not None:
        values |= _standing(stands.answer[0])
        values["alerts_open"] = {(rule,): count for rule, count in stands.answer[1].items()}
    if backlog is not None:
        values |= _backlog(backlog.answer)
    readings = [(("standing",), stands), (("backlog",), backlog)]
    values["database_read_seconds"] = {part: one.seconds for part, one in readings if one is not None}
    values["database_read_timestamp_seconds"] = {part: one.read_at for part, one in readings if one is not None}
    for name in FAMILIES:
        family = _family(name)
        for labels, value in values.get(name, {}).items():
            family.add_metric(labels, value)
        yield family


def _standing(stands: Standing) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        "lag_seconds": {(): stands.lag_seconds},
        "unrouted_age_seconds": {(): stands.unrouted_seconds},
        "overdue_age_seconds": {(one.name,): one.overdue_seconds for one in stands.connectors},
        "connector_state": {
            (one.name, state): float(one.state == state) for one in stands.connectors for state in STATES
        },
        "workers": {(): stands.workers},
        "partition_room_events": {(): stands.room},
        "default_partitions_filled": {(): len(stands.strays)},
        "chore_last_run_timestamp_seconds": {(name,): at for name, at in stands.chores.items()},
    }


def _backlog(backlog: Backlog) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        "unrouted_events": {(): backlog.unrouted},
        "backlog_deliveries": {labels: float(count) for labels, count in backlog.deliveries.items()},
        "capture_errors": {(): backlog.capture_errors},
    }


def _family(name: str) -> GaugeMetricFamily:
    words, labels = FAMILIES[name]
    return GaugeMetricFamily(f"outbox_{name}", words, labels=labels)
