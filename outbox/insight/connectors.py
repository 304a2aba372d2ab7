"""What people see of connectors: the list and its figures. Never a secret; of other people's business units nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, Row

from outbox.access import Within
from outbox.model import Outcome, Trigger
from outbox.resources import query

State: TypeAlias = Literal["enabled", "held", "disabled", "removed"]
"""How a connector stands."""
Grouping: TypeAlias = Literal["none", "state", "business_unit", "trigger"]

STATES: Final[tuple[State, ...]] = ("held", "disabled", "enabled", "removed")
"""What wants a person first."""
SHOWN = 50
"""Connectors on one page."""
MOST_WAITING_LISTED = 1_000
"""How many waiting deliveries of one connector the list counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list begins: after this one."""

    group: str
    name: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to list: every filter that is not None must hold. `words` stand in the name or the URL."""

    words: str | None = None
    state: State | None = None
    business_unit: str | None = None
    trigger: Trigger | None = None
    grouping: Grouping = "none"
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A connector as somebody may see it: `units` are those in sight, `for_all` says that it reports for every one.

    `shared` where it reports for others than those in sight, too.
    """

    id: int
    name: str
    version: int
    state: State
    reason: str | None
    since: datetime | None
    next_probe_at: datetime | None
    units: tuple[str, ...]
    for_all: bool
    shared: bool
    triggers: tuple[str, ...]
    url: str
    ssl_verification: bool
    discard: bool
    group: str
    place: Place


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list; `after` is where the next begins; `states` counts by state what the other filters leave."""

    rows: tuple[Listed, ...]
    after: Place | None
    states: dict[State, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """How a connector does: attempts of the last 24 hours, the last one whenever it was, and what waits.

    `more` says that there are more waiting than were looked at.
    """

    attempts: int = 0
    ok: int = 0
    last_at: datetime | None = None
    last_outcome: Outcome | None = None
    last_status: int | None = None
    waiting: int = 0
    more: bool = False

    @property
    def success(self) -> float | None:
        """The share of attempts that were answered 2xx; None where there were none."""
        return self.ok / self.attempts if self.attempts else None


def listing(connection: Connection, wanted: Wanted, *, within: Within) -> Listing:
    """A page of the connectors that these filters leave, and how many stand in each state."""
    if wanted.business_unit is not None and within is not None and wanted.business_unit not in within:
        return Listing((), None, {})
    asked = {
        "within": None if within is None else list(within),
        "words": wanted.words,
        "business_unit": wanted.business_unit,
        "trigger": wanted.trigger,
    }
    after = wanted.after
    place = {
        "after_place": after and after.group,
        "after_name": after and after.name,
        "after_id": after and after.id,
    }
    page = {"state": wanted.state, "grouping": wanted.grouping, "most": SHOWN + 1}
    found = [listed(row) for row in connection.execute(query("insight_connector_list"), asked | place | page)]
    counted = connection.execute(query("insight_connector_states"), asked)
    numbers = {row.state: row.connectors for row in counted}
    rows = tuple(found[:SHOWN])
    return Listing(
        rows,
        after=rows[-1].place if len(found) > SHOWN else None,
        states={state: numbers[state] for state in STATES if state in numbers},
    )


def figures(connection: Connection, connector_ids: Sequence[int], *, within: Within) -> dict[int, Figures]:
    """How these connectors do, as far as it concerns the business units in sight."""
    asked: dict[str, Any] = {
        "connector_ids": sorted(set(connector_ids)),
        "within": None if within is None else list(within),
    }
    tried = {row.connector_id: row for row in connection.execute(query("insight_connector_tried"), asked)}
    quiet = [one for one in asked["connector_ids"] if one not in tried]
    last = {
        row.connector_id: row
        for row in connection.execute(query("insight_connector_last"), asked | {"connector_ids": quiet})
    }
    most = {"most": MOST_WAITING_LISTED + 1}
    waiting = {row.connector_id: row for row in connection.execute(query("insight_connector_waiting"), asked | most)}
    return {
        one: _figures(tried.get(one), tried.get(one) or last.get(one), waiting.get(one))
        for one in asked["connector_ids"]
    }


def listed(row: Row[Any]) -> Listed:
    """A connector from a row that is in sight."""
    return Listed(
        id=row.connector_id,
        name=row.connector,
        version=row.version,
        state=row.state,
        reason=row.state_reason,
        since=row.state_since,
        next_probe_at=row.next_probe_at,
        units=tuple(row.business_units),
        for_all=row.for_all,
        shared=row.shared,
        triggers=tuple(trigger for trigger in Trigger if trigger in row.triggers),
        url=row.url,
        ssl_verification=row.ssl_verification,
        discard=row.discard,
        group=row.group_name,
        place=Place(row.place, row.connector, row.connector_id),
    )


def _figures(tried: Row[Any] | None, last: Row[Any] | None, waiting: Row[Any] | None) -> Figures:
    return Figures(
        attempts=tried.attempts if tried else 0,
        ok=tried.ok if tried else 0,
        last_at=last.last_at if last else None,
        last_outcome=Outcome(last.last_outcome) if last else None,
        last_status=last.last_status if last else None,
        waiting=min(waiting.waiting, MOST_WAITING_LISTED) if waiting else 0,
        more=bool(waiting and waiting.looked_at > MOST_WAITING_LISTED),
    )
