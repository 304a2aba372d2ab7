"""Who changed what, and who did or looked at what: newest first, each page within what its reader may see."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row

from outbox import canonical
from outbox.access import Within
from outbox.answers import written
from outbox.connector_change import Change
from outbox.connector_words import in_sight, named, title_of, version_changes
from outbox.errors import RefusedError
from outbox.resources import query

MOST_INSTALLS = 50
BATCH = 1_000
Told = TypeVar("Told", "Changed", "Act")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What to look for: every filter that is not None must hold; `since` is included, `until` is not."""

    who: str | None = None
    connector: str | None = None
    act: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page goes on: after this moment, and of those at it after this number and version."""

    at: datetime
    id: int
    version: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """One version of a connector: who made it, from where, and what differs in words.

    `came_to_them`: the version before had none of the reader's business units, so nothing of it is told.
    """

    connector_id: int
    connector: str
    version: int
    action: str
    at: datetime
    who: str
    origin: str
    reason: str | None
    differences: tuple[Change, ...]
    came_to_them: bool

    @property
    def place(self) -> Place:
        """Where the next page goes on after it."""
        return Place(self.at, self.connector_id, self.version)

    @property
    def words(self) -> str:
        """All that differs on one line."""
        return "; ".join(f"{title_of(one.key)}: {one.words}" for one in self.differences)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody did or looked at."""

    id: int
    at: datetime
    who: str
    via: str
    act: str
    object: str
    units: Sequence[str] | None
    detail: Mapping[str, Any]
    address: str | None

    @property
    def place(self) -> Place:
        """Where the next page goes on after it."""
        return Place(self.at, self.id)

    @property
    def words(self) -> str:
        """What else was kept, on one line."""
        return "; ".join(f"{key.replace('_', ' ')}: {written(value)}" for key, value in self.detail.items() if value)


def changes(
    connection: Connection,
    sought: Sought,
    *,
    within: Within,
    names: Mapping[str, str],
    after: Place | None = None,
    most: int,
) -> list[Changed]:
    """Versions of connectors, newest first; `names` are what business units are called."""
    rows = connection.execute(query("changes_connectors"), _asked(sought, within, after, most))
    return [_changed(row, within, names) for row in rows]


def acts(
    connection: Connection, sought: Sought, *, within: Within, themselves: str, after: Place | None = None, most: int
) -> list[Act]:
    """Acts, newest first; `themselves` is how records name the reader, who may see their own sign-ins."""
    asked = {**_asked(sought, within, after, most), "themselves": themselves}
    return [
        Act(
            row.act_id,
            row.at,
            row.who,
            row.via,
            row.act,
            row.object,
            row.business_units,
            canonical.loads(row.detail),
            row.address,
        )
        for row in connection.execute(query("changes_acts"), asked)
    ]


def installs(connection: Connection, *, within: Within) -> Sequence[Row[Any]]:
    """The latest installs of the mapping; RefusedError for who is limited, for it concerns all business units."""
    if within is not None:
        raise RefusedError("the mapping concerns all business units, and you are limited to some")
    return connection.execute(query("changes_mapping"), {"most": MOST_INSTALLS}).all()


def every(page: Callable[[Place | None], list[Told]]) -> Iterator[Told]:
    """All of them, page by page."""
    found = page(None)
    while found:
        yield from found
        found = page(found[-1].place)


def _asked(sought: Sought, within: Within, after: Place | None, most: int) -> dict[str, Any]:
    return {
        "within": None if within is None else list(within),
        "who": sought.who,
        "connector": sought.connector,
        "act": sought.act,
        "since": sought.since,
        "until": sought.until,
        "before_at": None if after is None else after.at,
        "before_id": None if after is None else after.id,
        "before_version": None if after is None else after.version,
        "most": most,
    }


def _changed(row: Row[Any], within: Within, names: Mapping[str, str]) -> Changed:
    kept = canonical.loads(row.spec)
    earlier = None if row.before is None else named(in_sight(canonical.loads(row.before), within), names)
    found = () if row.came_to_them else version_changes(earlier, named(in_sight(kept, within), names))
    # Why it was disabled may be told in the words of an answer to another unit's report.
    own = within is None or set(kept.get("business_units", ())) <= set(within)
    return Changed(
        row.connector_id,
        row.name,
        row.version,
        row.action,
        row.changed_at,
        row.changed_by,
        row.origin,
        kept.get("disabled_reason") if row.action == "disable" and own else None,
        found,
        row.came_to_them,
    )
