"""What went to nobody: counted by reason, business unit and trigger, a stretch of event ids at a time, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from outbox.access import Within
from outbox.insight.limits import bound, reached
from outbox.insight.ways import Reach
from outbox.model import Reason
from outbox.resources import query

UNSENT = (
    *(Reason.NO_CONNECTOR, Reason.TRIGGER_NOT_CHOSEN, Reason.DISCARDED, Reason.NO_BUSINESS_UNIT),
    *(Reason.CONTRACT_GONE, Reason.ERASED),
)
"""Nobody heard of it."""
FOLDED = (Reason.COALESCED, Reason.UNCHANGED)
"""Not sent by itself: another event of its transaction was, or nothing changed in the end."""
STRETCH = 5_000
"""So many event ids are looked at in one step; what was sent as a whole between is skipped."""
STEPS, STEPS_OF_UNIT = 3, 4
"""So many steps are made for a page where the first ones find nothing; the second for one business unit's, cheaper."""
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for; `before` and `until` say from where on to look back, None: from the newest event."""

    reasons: Sequence[Reason] = UNSENT
    business_unit: str | None = None
    trigger: str | None = None
    before: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Events of one reason, business unit and trigger, as counted in the stretch that was looked at."""

    reason: str
    business_unit: str | None
    trigger: str
    events: int
    first_at: datetime
    last_at: datetime
    newest: Sequence[int] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found: `reached_at` is how far back it went; `before` is where the next one starts, None: the end."""

    groups: tuple[Group, ...]
    before: int | None
    reached_at: datetime | None

    @property
    def events(self) -> int:
        """How many events went to nobody in that stretch."""
        return sum(group.events for group in self.groups)

    def newest(self, below: int | None = None) -> list[int]:
        """The newest of them, a page."""
        ids = (one for group in self.groups for one in group.newest if below is None or one < below)
        return sorted(ids, reverse=True)[:PAGE]


def look(connection: Connection, wanted: Wanted, *, within: Within) -> Looked:
    """Looks back until something is found, a few steps at most."""
    before = _start(connection, wanted)
    groups: tuple[Group, ...] = ()
    for _ in range(STEPS if within is None and wanted.business_unit is None else STEPS_OF_UNIT):
        newest = connection.execute(query("unsent_newest"), {"before": before}).scalar_one()
        if newest is None:
            return Looked(groups, None, None)
        before = newest - STRETCH
        groups = _groups(connection, wanted, after=before, before=newest, within=within)
        if groups:
            break
    edge = connection.execute(query("unsent_edges"), {"after": before}).one()
    if before <= 0:
        return Looked(groups, None, None)
    return Looked(groups, before, reached(edge.occurred_at, within=within))


def events(connection: Connection, event_ids: Sequence[int], *, within: Within) -> Sequence[RowMapping]:
    """These events, newest first, with whom they did not go to."""
    values = {"event_ids": list(event_ids), "within": bound(within)}
    return connection.execute(query("unsent_events"), values).mappings().all()


def reaches(connection: Connection, *, within: Within) -> tuple[Reach, ...]:
    """What connectors report for now, of those that share a business unit."""
    rows = connection.execute(query("connector_reach"), {"within": bound(within)}).mappings()
    return tuple(Reach(**row) for row in rows)


def _start(connection: Connection, wanted: Wanted) -> int:
    """The id to look back from."""
    if wanted.before is not None:
        return wanted.before
    if wanted.until is not None:
        found = connection.execute(query("unsent_until"), {"until": wanted.until}).scalar_one_or_none()
        return 0 if found is None else int(found)
    return int(connection.execute(query("unsent_edges"), {"after": 0}).one().newest)


def _groups(connection: Connection, wanted: Wanted, *, after: int, before: int, within: Within) -> tuple[Group, ...]:
    values = {
        "after": after,
        "before": before,
        "reasons": [reason.value for reason in wanted.reasons],
        "business_unit": wanted.business_unit,
        "trigger": wanted.trigger,
        "within": bound(within),
        "most": PAGE,
    }
    return tuple(Group(**row) for row in connection.execute(query("unsent_groups"), values).mappings())
