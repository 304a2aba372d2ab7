"""Expiry: the deadlines that come, those that were raised, those that could not be, and the scan that looks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import DBAPIError

from outbox import expiry_store
from outbox.access import Within
from outbox.db import first_line
from outbox.insight.limits import bound
from outbox.resources import query

LOOKED_AHEAD = 300
"""So many deadlines are read with their contracts: each is a look-up in the source."""
LOOKED_BACK = 5_000
PAGE = 50
FAILURES = 50


@dataclass(frozen=True, slots=True)
class Scan:
    """The scan as it stands; None where that would tell of other business units, or there is nothing to tell.

    `late` is for how many seconds one should have ended, below 0 where there is time yet.
    """

    at: datetime
    since: datetime
    ended_at: datetime | None
    due_at: datetime | None
    seconds: float | None
    raised: int | None
    scanning: bool
    late: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """Deadlines to come, soonest first. Where not all were looked at, `reached` says how far the look went.

    `crowded`: more contracts share that moment than are read at once.
    """

    deadlines: Sequence[RowMapping] = ()
    reached: datetime | None = None
    crowded: bool = False
    unreadable: str | None = None

    def by_day(self) -> list[tuple[str, str | None, int]]:
        """How many there are by day (UTC) and business unit."""
        counted = Counter((f"{one['deadline']:%Y-%m-%d}", one["business_unit"]) for one in self.deadlines)
        return [(day, unit, count) for (day, unit), count in sorted(counted.items(), key=lambda one: str(one[0]))]


@dataclass(frozen=True, slots=True)
class Raised:
    """`expired` events, newest first; `before` is where to look further back, None: that is all."""

    events: Sequence[RowMapping]
    before: int | None


def scan(connection: Connection, *, within: Within, every: float) -> Scan | None:
    """How the scan stands, that looks every so many seconds; None where no mapping with [expired] is installed."""
    state = expiry_store.state(connection)
    if state is None:
        return None
    alone = within is None
    return Scan(
        at=state.progress.at,
        since=state.progress.since,
        ended_at=state.ended_at,
        due_at=state.due_at if alone else None,
        seconds=state.seconds if alone else None,
        raised=state.raised if alone else None,
        scanning=state.scanning,
        late=state.late(every=every),
    )


def ahead(
    connection: Connection, *, within: Within, after: datetime, until: datetime, business_unit: str | None = None
) -> Ahead:
    """The deadlines after one moment and up to another, by the installed mapping; a failure of its SQL is told."""
    values = {"after": after, "until": until, "most": LOOKED_AHEAD}
    try:
        with connection.begin_nested():
            connection.execute(query("read_patience"))
            asked = {**values, "business_unit": business_unit, "within": bound(within)}
            *found, edge = connection.execute(query("expiring_ahead"), asked).mappings()
    except DBAPIError as error:
        return Ahead(unreadable=first_line(error) if within is None else "the source can't be read now")
    if edge["looked"] < LOOKED_AHEAD:
        return Ahead(found)
    reached = _whole(edge["deadline"], after, within=within)
    shown = [one for one in found if one["deadline"] <= reached]
    return Ahead(shown, reached, crowded=reached == edge["deadline"])


def raised(
    connection: Connection, *, within: Within, business_unit: str | None = None, before: int | None = None
) -> Raised:
    """The `expired` events older than `before`."""
    values = {"before": before, "looked": LOOKED_BACK, "most": PAGE, "business_unit": business_unit}
    *found, edge = connection.execute(query("expired_newest"), {**values, "within": bound(within)}).mappings()
    if len(found) == PAGE:
        return Raised(found, found[-1]["event_id"])
    return Raised(found, edge["event_id"] if edge["looked"] == LOOKED_BACK else None)


def failures(connection: Connection, *, within: Within) -> Sequence[RowMapping]:
    """Deadlines that could not be raised, newest first."""
    values = {"most": FAILURES, "within": bound(within)}
    return connection.execute(query("expired_failures"), values).mappings().all()


def _whole(last: datetime, after: datetime, *, within: Within) -> datetime:
    """Up to where all are known, where the look ended at a deadline that more contracts may share.

    Who is limited is told the hour: the moment may be somebody else's deadline. Where that is no step, the moment.
    """
    hour, before = last.replace(minute=0, second=0, microsecond=0), last - timedelta(microseconds=1)
    steps = (before, last) if within is None else (hour, before, last)
    return next((step for step in steps if step > after), last)
