"""One contract's story: its events newest first, what was decided, what came of it, how it stands now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, text
from sqlalchemy.exc import DBAPIError

from outbox import canonical
from outbox.access import Within
from outbox.db import first_line
from outbox.insight.limits import bound
from outbox.model import Json
from outbox.resources import query

PAGE = 15
OUTCOMES = 6
"""So many decisions of an event stand on a page of events; the event's own page has `ALL_OUTCOMES`."""
ALL_OUTCOMES = 120
LONGEST = 20_000
"""Characters of `changed` and `detail` that a page of events reads; the event's own page reads `LONGEST_ALONE`."""
LONGEST_ALONE = 200_000
_MOST = 50


@dataclass(frozen=True, slots=True)
class Change:
    """A column that changed; `kept`: whether its old and new value are on record."""

    column: str
    kept: bool
    old: Json = None
    new: Json = None


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """An event as its contract's page tells it; `too_long`: what changed is shown on the event's own page alone."""

    event_id: int
    occurred_at: datetime
    trigger: str
    contract_id: str
    business_unit: str | None
    status: str | None
    changes: tuple[Change, ...]
    detail: Json
    too_long: bool
    documented: bool
    awaits_routing: bool
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and what came of it where something was to be sent: from `state` on it is about its delivery."""

    event_id: int
    connector_id: int | None
    connector: str | None
    reason: str
    words: str
    into_event_id: int | None
    reread: bool
    decided_at: datetime
    state: str | None
    attempts: int | None
    due_at: datetime | None
    finished_at: datetime | None
    last_error: str | None
    blocked_by: int | None
    replaying: bool | None
    outcome: str | None
    status_code: int | None
    duration_ms: float | None


@dataclass(frozen=True, slots=True)
class Present:
    """How the source has the contract now, as far as that can be read and seen."""

    known: Literal["found", "absent", "unreadable", "no source"]
    business_unit: str | None = None
    status: str | None = None
    deadline: datetime | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What belongs to the contract and to no single event; rows of the statements of those names."""

    deadlines: Sequence[RowMapping]
    failures: Sequence[RowMapping]
    erasures: Sequence[RowMapping]


def events(
    connection: Connection, contract: str, *, within: Within, before: int | None = None, most: int = PAGE
) -> list[ContractEvent]:
    """The contract's events that may be seen, newest first, older than `before`."""
    return _events(connection, contract, within=within, before=before, most=most, longest=LONGEST)


def event(connection: Connection, contract: str, event_id: int, *, within: Within) -> ContractEvent | None:
    """One of them, with all that changed."""
    found = _events(connection, contract, within=within, before=event_id + 1, most=1, longest=LONGEST_ALONE)
    return found[0] if found and found[0].event_id == event_id else None


def document(connection: Connection, event_id: int, *, within: Within) -> str | None:
    """The event's document as JSON, indented; None where it has none."""
    values = {"event": event_id, "within": bound(within)}
    written: str | None = connection.execute(query("contract_document"), values).scalar_one_or_none()
    if written is None:
        return None
    try:
        return canonical.pretty(canonical.loads(written))
    except ValueError:
        return written


def outcomes(
    connection: Connection, event_ids: Sequence[int], *, within: Within, most: int = OUTCOMES
) -> dict[int, list[Outcome]]:
    """What was decided for each of these events; one more than `most` where there are more."""
    values = {"event_ids": list(event_ids), "within": bound(within), "most": most + 1}
    found: dict[int, list[Outcome]] = {event_id: [] for event_id in event_ids}
    for row in connection.execute(query("contract_outcomes"), values).mappings():
        found[row["event_id"]].append(Outcome(**row))
    return found


def replays(connection: Connection, event_ids: Sequence[int], *, within: Within) -> dict[int, list[RowMapping]]:
    """Who asked for a replay of what came of these events, newest first."""
    values = {"event_ids": list(event_ids), "within": bound(within), "most": _MOST}
    found: dict[int, list[RowMapping]] = {event_id: [] for event_id in event_ids}
    for row in connection.execute(query("contract_replays"), values).mappings():
        found[row["event_id"]].append(row)
    return found


def beside(connection: Connection, contract: str, *, within: Within) -> Beside:
    """Deadlines that were raised, changes that could not be captured, erasures: the newest of each."""
    values = {"contract": contract, "within": bound(within), "most": _MOST}
    statements = (query("contract_deadlines"), query("contract_failures"), query("contract_erasures"))
    return Beside(*(connection.execute(statement, values).mappings().all() for statement in statements))


def present(connection: Connection, contract: str, *, within: Within) -> Present:
    """How the contract stands in the source; a failure there is told, since history can be read all the same."""
    reads = connection.execute(text("SELECT to_regprocedure('outbox.read_contract(text)') IS NOT NULL")).scalar_one()
    if not reads:
        return Present("no source")
    try:
        with connection.begin_nested():
            connection.execute(query("read_patience"))
            values = {"contract": contract, "within": bound(within)}
            row = connection.execute(query("contract_present"), values).one_or_none()
    except DBAPIError as error:
        return Present("unreadable", words=first_line(error) if within is None else None)
    return Present("absent") if row is None else Present("found", row.business_unit, row.status, row.deadline)


def _events(
    connection: Connection, contract: str, *, within: Within, before: int | None, most: int, longest: int
) -> list[ContractEvent]:
    values = {"contract": contract, "within": bound(within), "before": before, "most": most, "longest": longest}
    return [_event(row) for row in connection.execute(query("contract_events"), values).mappings()]


def _event(row: RowMapping) -> ContractEvent:
    told: dict[str, Any] = {**row, "too_long": bool(row["too_long"]), "detail": _read(row["detail"])}
    return ContractEvent(changes=_changes(_read(told.pop("changed"))), **told)


def _changes(changed: Json) -> tuple[Change, ...]:
    if not isinstance(changed, Mapping):
        return ()
    return tuple(
        Change(column, kept=False) if pair is None else Change(column, True, pair[0], pair[1])
        for column, pair in sorted(changed.items())
    )


def _read(written: str | None) -> Json:
    try:
        return None if written is None else canonical.loads(written)
    except ValueError as fault:
        return f"can't be read: {fault}"
