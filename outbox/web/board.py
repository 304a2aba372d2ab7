"""What the dashboard shows, read and put together: how it stands, the grid, the curves. Kept for all who look."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from outbox.access import Within
from outbox.alerting import Severity, Trouble
from outbox.insight import backlog, chart, figures, grid
from outbox.insight.backlog import Dead, Expiring, Standing, Waiting
from outbox.insight.chart import Bars, Curves
from outbox.insight.figures import Volumes
from outbox.insight.grid import Chosen, Key, Row, Tally
from outbox.insight.verdict import Facts, Verdict, judge
from outbox.stretches import Length, floor
from outbox.web import readings
from outbox.web.readings import Now
from outbox.web.site import Site

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PARTS: Final = {"pending": "pending", "leased": "being sent", "blocked": "behind another", "held": "held"}
SQUARES = 384
"""On one page: so that it stays small, whatever the length of its rows."""

GRIDS: Final = {"24h": (Length.HOUR, 24), "48h": (Length.HOUR, 48), "30d": (Length.DAY, 30)}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that curves show: how long, in which steps, from which stretches, how times are written."""

    words: str
    whole: timedelta
    step: timedelta
    longest: Length
    form: str


SPANS: Final = {
    "1h": Span("1 hour", HOUR, timedelta(minutes=5), Length.SLOT, "%H:%M"),
    "24h": Span("24 hours", DAY, HOUR, Length.HOUR, "%H:%M"),
    "7d": Span("7 days", 7 * DAY, 6 * HOUR, Length.HOUR, "%b %d"),
    "30d": Span("30 days", 30 * DAY, DAY, Length.DAY, "%b %d"),
}


@dataclass(frozen=True, slots=True)
class Glance:
    """What the verdict and the tiles tell; `waiting` and `expiring` are None where they can't be told in time."""

    now: Now
    volumes: Volumes
    waiting: tuple[Waiting, ...] | None
    expiring: Expiring | None
    dead: int
    dead_lately: Dead
    troubles: tuple[Trouble, ...]
    lag: timedelta
    late: bool
    verdict: Verdict

    @property
    def at(self) -> datetime:
        """When it was read."""
        return self.now.marks.at

    @property
    def parts(self) -> str:
        """What waits, by state, in words."""
        counts = [(self.count(state), words) for state, words in PARTS.items()]
        return ", ".join(f"{count:,} {words}" for count, words in counts if count) or "nothing waits"

    @property
    def stopped(self) -> list[Standing]:
        """Connectors that are held or disabled."""
        return [one for one in self.now.connectors if one.line.state != "enabled"]

    def count(self, state: str) -> int:
        """Of what waits, how many are in that state."""
        stopped = {one.line.connector_id for one in self.stopped}
        waiting = self.waiting or ()
        if state == "held":
            return sum(one.waiting - one.leased for one in waiting if one.key.connector_id in stopped)
        if state == "leased":
            return sum(one.leased for one in waiting)
        going = [one for one in waiting if one.key.connector_id not in stopped]
        blocked = sum(one.blocked for one in going)
        return blocked if state == "blocked" else sum(one.waiting - one.leased for one in going) - blocked

    @property
    def open(self) -> int:
        """All that waits."""
        return sum(one.waiting for one in self.waiting or ())


@dataclass(frozen=True, slots=True)
class Grid:
    """A page of the grid's rows, in groups of one business unit each."""

    starts: tuple[datetime, ...]
    length: Length
    groups: tuple[tuple[str | None, tuple[Row, ...]], ...]
    page: int
    pages: int
    found: int
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The curves of one span."""

    span: Span
    volume: Bars
    delivery: Curves
    answer: Curves


def glance(site: Site, within: Within) -> Glance:
    """How it stands now."""
    now, waiting = readings.now(site, within), readings.waiting(site, within)
    limit = timedelta(seconds=site.settings.alerts.lag_seconds)
    since = Length.HOUR.floor(now.marks.at - DAY)
    counted = readings.volumes(site, within, now.marks, since=since, longest=Length.HOUR)
    lag = backlog.lag(waiting or (), now.connectors, now.unrouted, now.marks.at)
    volumes = figures.all_volumes(counted, now.uncounted)
    found = Glance(
        now,
        volumes,
        waiting,
        readings.expiring(site, within),
        max(0, sum(one.dead for one in _outcomes(site, within, now, "30d").values())),
        readings.dead(site, within) or Dead(max(0, volumes.over(DAY).dead), None),
        readings.troubles(site, within),
        lag,
        lag > limit,
        Verdict("good", ()),
    )
    return replace(found, verdict=judge(_facts(found, limit)))


def grid_page(site: Site, within: Within, *, kind: str, chosen: Chosen, page: int) -> Grid:
    """The rows that are asked for, one page of them."""
    length, count = GRIDS[kind]
    now, names = readings.now(site, within), site.unit_names(within=within)
    starts = grid.columns(now.marks.at, length, count)
    waiting = ((one.key, one.tally) for one in readings.waiting(site, within) or ())
    tallies = grid.with_waiting(_outcomes(site, within, now, kind), waiting, starts, length)
    lines = [one.line for one in now.connectors]
    every = grid.rows(lines, tallies, starts, length, names=names, within=within)
    kept = [row for row in every if chosen.keeps(row)]
    each = SQUARES // count
    pages = max(1, -(-len(kept) // each))
    page = min(max(1, page), pages)
    units = tuple(dict.fromkeys(row.business_unit for row in every if row.business_unit))
    return Grid(starts, length, _groups(kept[(page - 1) * each : page * each]), page, pages, len(kept), units)


def curves(site: Site, within: Within, *, last: str) -> Figures:
    """Volume and latencies of the last hour, day, week or month."""
    span, now = SPANS[last], readings.now(site, within)
    starts = _starts(now.marks.at, span)
    since, longest = starts[0], span.longest
    volumes = figures.all_volumes(
        readings.volumes(site, within, now.marks, since=since, longest=longest), now.uncounted
    )
    counted = readings.latencies(site, within, now.marks, since=since, step=span.step, longest=longest)
    latencies = figures.all_latencies(counted, now.uncounted, step=span.step)
    counts: dict[datetime, tuple[int, int]] = {}
    for one in volumes.parts:
        at = floor(one.since, span.step)
        delivered, failed = counts.get(at, (0, 0))
        counts[at] = delivered + one.delivered, failed + one.attempts - one.ok
    return Figures(
        span,
        chart.bars(starts, counts, form=span.form),
        chart.curves(starts, latencies.delivery, form=span.form),
        chart.curves(starts, latencies.answer, form=span.form),
    )


def _outcomes(site: Site, within: Within, now: Now, kind: str) -> dict[Key, Tally]:
    length, count = GRIDS[kind]
    since = grid.columns(now.marks.at, length, count)[0]
    counted = readings.outcomes(site, within, now.marks, since=since, column=length)
    return figures.all_outcomes(counted, now.uncounted, since=since, column=length)


def _facts(found: Glance, limit: timedelta) -> Facts:
    service = found.now.service
    stopped = {one.line.connector_id for one in found.stopped}
    held = {one.line.connector_id for one in found.stopped if one.line.state == "held"}
    waiting = found.waiting or ()
    return Facts(
        at=found.at,
        held=[one.line.name for one in found.stopped if one.line.state == "held"],
        given_up=[one.line.name for one in found.stopped if one.given_up],
        waiting=found.open,
        waiting_for_held=sum(one.waiting for one in waiting if one.key.connector_id in held),
        overdue=sum(one.overdue for one in waiting if one.key.connector_id not in stopped),
        lag=found.lag,
        lag_limit=limit,
        unrouted=found.now.unrouted.events,
        dead=found.dead_lately.deliveries,
        dead_since=found.dead_lately.routed_at,
        capture_errors=None if service is None else service.capture_errors,
        workers=None if service is None else service.workers,
        troubles=[(one.title, one.severity is Severity.CRITICAL) for one in found.troubles],
    )


def _groups(rows: Sequence[Row]) -> tuple[tuple[str | None, tuple[Row, ...]], ...]:
    units: Collection[str | None] = dict.fromkeys(row.business_unit for row in rows)
    return tuple((unit, tuple(row for row in rows if row.business_unit == unit)) for unit in units)


def _starts(now: datetime, span: Span) -> tuple[datetime, ...]:
    last = floor(now, span.step)
    return tuple(last - span.step * place for place in reversed(range(span.whole // span.step)))
