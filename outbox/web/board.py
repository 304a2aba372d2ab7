"""What the dashboard shows, read and put together: how it stands, the grid, the curves. Kept for all who look."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from outbox.access import Within
from outbox.db import first_line
from outbox.insight import backlog, chart, figures, grid
from outbox.insight.backlog import Expiring, Service, Standing, Unrouted, Waiting
from outbox.insight.chart import Bars, Curves
from outbox.insight.figures import Volumes
from outbox.insight.grid import Chosen, Key, Row, Tally
from outbox.insight.verdict import Facts, Verdict, judge
from outbox.log import get_log
from outbox.stretches import Length, Marks, floor
from outbox.web.site import Site

Answer = TypeVar("Answer")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW_SECONDS, WAITING_SHARE = 4.0, 20.0
WAITING_PATIENCE = 1.0
"""Where very much waits, pages come without it at first, and it is told as soon as it is counted."""

GRID_SECONDS, CURVE_SECONDS, SLOW_SHARE = 15.0, 15.0, 10.0
EXPIRING_SECONDS, EXPIRING_SHARE = 60.0, 50.0
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
class Now:
    """How it stands, as an index tells: all but what must be counted."""

    connectors: tuple[Standing, ...]
    unrouted: Unrouted
    service: Service | None
    volumes: Volumes


@dataclass(frozen=True, slots=True)
class Glance:
    """What the verdict and the tiles tell; `waiting` and `expiring` are None where they can't be told in time."""

    now: Now
    waiting: tuple[Waiting, ...] | None
    expiring: Expiring | None
    dead: int
    lag: timedelta
    late: bool
    verdict: Verdict

    @property
    def at(self) -> datetime:
        """When it was read."""
        return self.now.volumes.marks.at

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
    marks: Marks


@dataclass(frozen=True, slots=True)
class Figures:
    """The curves of one span."""

    span: Span
    volume: Bars
    delivery: Curves
    answer: Curves


def glance(site: Site, within: Within) -> Glance:
    """How it stands now."""
    heartbeat, limit = site.settings.relay.heartbeat_seconds, timedelta(seconds=site.settings.alerts.lag_seconds)

    def read(connection: Connection) -> Now:
        return Now(
            backlog.read_connectors(connection, within=within),
            backlog.read_unrouted(connection, within=within),
            backlog.read_service(connection, heartbeat_seconds=heartbeat, within=within),
            figures.read_volumes(connection, span=DAY, longest=Length.HOUR, within=within),
        )

    now = site.keeping.ask(("now", within), read, seconds=NOW_SECONDS, share=SLOW_SHARE)
    waiting = _told(lambda: _waiting(site, within))
    dead = sum(one.dead for one in _outcomes(site, "30d", within)[1].values())
    lag = backlog.lag(waiting or (), now.connectors, now.unrouted, now.volumes.marks.at)
    expiring = _told(lambda: _expiring(site, within))
    found = Glance(now, waiting, expiring, max(0, dead), lag, lag > limit, Verdict("good", ()))
    return replace(found, verdict=judge(_facts(found, limit)))


def grid_page(site: Site, within: Within, *, kind: str, chosen: Chosen, page: int) -> Grid:
    """The rows that are asked for, one page of them."""
    length, count = GRIDS[kind]
    marks, settled = _outcomes(site, kind, within)
    waiting = _told(lambda: _waiting(site, within)) or ()
    starts = grid.columns(marks.at, length, count)
    lines = [one.line for one in _connectors(site, within)]
    names = site.unit_names()
    tallies = grid.with_waiting(settled, ((one.key, one.tally) for one in waiting), starts, length)
    every = grid.rows(lines, tallies, starts, length, names=names, within=within)
    kept = [row for row in every if chosen.keeps(row)]
    each = SQUARES // count
    pages = max(1, -(-len(kept) // each))
    page = min(max(1, page), pages)
    units = tuple(dict.fromkeys(row.business_unit for row in every if row.business_unit))
    shown = kept[(page - 1) * each : page * each]
    return Grid(starts, length, _groups(shown), page, pages, len(kept), units, marks)


def curves(site: Site, within: Within, *, last: str) -> Figures:
    """Volume and latencies of the last hour, day, week or month."""
    span = SPANS[last]

    def read(connection: Connection) -> Figures:
        volumes = figures.read_volumes(connection, span=span.whole, longest=span.longest, within=within)
        starts = _starts(volumes.marks.at, span)
        latencies = figures.read_latencies(
            connection, since=starts[0], step=span.step, longest=span.longest, within=within
        )
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

    return site.keeping.ask(("curves", last, within), read, seconds=CURVE_SECONDS, share=SLOW_SHARE)


def _facts(found: Glance, limit: timedelta) -> Facts:
    service, late = found.now.service, found.at - limit
    stopped = {one.line.connector_id for one in found.stopped}
    held = {one.line.connector_id for one in found.stopped if one.line.state == "held"}
    waiting = found.waiting or ()
    return Facts(
        at=found.at,
        held=[one.line.name for one in found.stopped if one.line.state == "held"],
        given_up=[one.line.name for one in found.stopped if one.given_up],
        waiting=found.open,
        waiting_for_held=sum(one.waiting for one in waiting if one.key.connector_id in held),
        overdue=sum(
            one.waiting
            for one in waiting
            if one.key.connector_id not in stopped and one.due_at is not None and one.due_at < late
        ),
        lag=found.lag,
        lag_limit=limit,
        unrouted=found.now.unrouted.events,
        dead=found.now.volumes.over(DAY).dead,
        capture_errors=None if service is None else service.capture_errors,
        workers=None if service is None else service.workers,
    )


def _waiting(site: Site, within: Within) -> tuple[Waiting, ...]:
    def read(connection: Connection) -> tuple[Waiting, ...]:
        return backlog.read_waiting(connection, within=within)

    return site.keeping.ask(
        ("waiting", within), read, seconds=NOW_SECONDS, share=WAITING_SHARE, patience=WAITING_PATIENCE
    )


def _connectors(site: Site, within: Within) -> tuple[Standing, ...]:
    def read(connection: Connection) -> tuple[Standing, ...]:
        return backlog.read_connectors(connection, within=within)

    return site.keeping.ask(("connectors", within), read, seconds=NOW_SECONDS)


def _expiring(site: Site, within: Within) -> Expiring | None:
    def read(connection: Connection) -> Expiring | None:
        return backlog.read_expiring(connection, within=within)

    return site.keeping.ask(("expiring", within), read, seconds=EXPIRING_SECONDS, share=EXPIRING_SHARE)


def _outcomes(site: Site, kind: str, within: Within) -> tuple[Marks, dict[Key, Tally]]:
    length, count = GRIDS[kind]

    def read(connection: Connection) -> tuple[Marks, dict[Key, Tally]]:
        return figures.read_outcomes(connection, count=count, column=length, within=within)

    return site.keeping.ask(("outcomes", kind, within), read, seconds=GRID_SECONDS, share=SLOW_SHARE)


def _told(ask: Callable[[], Answer | None]) -> Answer | None:
    """What was asked; None where the database doesn't tell it in time, or the mapping's own SQL fails."""
    try:
        return ask()
    except (DBAPIError, TimeoutError) as error:
        get_log().warning("dashboard_not_read", error=first_line(error) or "no answer in time")
        return None


def _groups(rows: Sequence[Row]) -> tuple[tuple[str | None, tuple[Row, ...]], ...]:
    units: Collection[str | None] = dict.fromkeys(row.business_unit for row in rows)
    return tuple((unit, tuple(row for row in rows if row.business_unit == unit)) for unit in units)


def _starts(now: datetime, span: Span) -> tuple[datetime, ...]:
    last = floor(now, span.step)
    return tuple(last - span.step * place for place in reversed(range(span.whole // span.step)))
