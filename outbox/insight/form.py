"""What the configuration page offers and shows: units, fields, recent events, what another changed meanwhile."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from outbox import canonical, present
from outbox.access import Within
from outbox.connector_check import SourceNames
from outbox.connector_merge import Conflict, Version, spec_on_record
from outbox.model import ALL_BUSINESS_UNITS, Event, Json, Trigger
from outbox.resources import query
from outbox.source_names import read_company_fields, read_source_names

RECENT_SHOWN = 10
DEEPEST = 3
"""How deep fields of a document are suggested: `items` are lists, and no report needs more."""


@dataclass(frozen=True, slots=True)
class Recent:
    """An event that can be previewed."""

    event_id: int
    occurred_at: datetime
    trigger: Trigger
    contract_id: str
    business_unit: str | None


def source_names(connection: Connection, *, within: Within) -> SourceNames:
    """What a connector can name, of business units only those that somebody may see.

    Others are then as unknown as those that don't exist.
    """
    names = read_source_names(connection)
    if within is None or names.business_units is None:
        return names
    return replace(names, business_units=tuple(unit for unit in names.business_units if unit.id in within))


def company_fields(connection: Connection, units: Collection[str], *, within: Within) -> tuple[str, ...]:
    """The fields that companies of these business units have."""
    seen = units_seen(units, within=within)
    return () if seen == () else read_company_fields(connection, seen)


def recent_events(
    connection: Connection, units: Collection[str], triggers: Iterable[Trigger], *, within: Within
) -> tuple[Recent, ...]:
    """The newest events of these business units and triggers, newest first."""
    seen = units_seen(units, within=within)
    if seen == ():
        return ()
    asked = {
        "units": None if seen is None else list(seen),
        "triggers": [trigger.value for trigger in triggers],
        "limit": RECENT_SHOWN,
    }
    return tuple(
        Recent(row.event_id, row.occurred_at, Trigger(row.trigger), row.contract_id, row.business_unit)
        for row in connection.execute(query("form_recent"), asked)
    )


def read_event(connection: Connection, event_id: int, units: Collection[str], *, within: Within) -> Event | None:
    """The event, where it is one of these business units."""
    seen = units_seen(units, within=within)
    asked = {"event_id": event_id, "units": None if seen is None else list(seen)}
    row = connection.execute(query("form_event"), asked).one_or_none()
    return None if row is None else present.event_of(row)


def units_seen(units: Collection[str], *, within: Within) -> tuple[str, ...] | None:
    """Of a connector's business units those that somebody may see; None: all there are."""
    if ALL_BUSINESS_UNITS in units:
        return within
    return tuple(unit for unit in units if within is None or unit in within)


def contract_fields(columns: Collection[str] | None, event: Event | None) -> tuple[str, ...]:
    """Fields that a mapping can name: the contract query's columns, and what lies deeper in an event's document."""
    deeper = _paths(event.document, "", DEEPEST) if event is not None and event.document else []
    return tuple(sorted({*(columns or ()), *deeper}))


def _paths(fields: Mapping[str, Json], before: str, depth: int) -> list[str]:
    found: list[str] = []
    for name, value in fields.items():
        found.append(before + name)
        if isinstance(value, Mapping) and depth > 1:
            found += _paths(value, f"{before}{name}.", depth - 1)
    return found


def read_conflict(connection: Connection, connector_id: int, version: int, *, within: Within) -> Conflict | None:
    """What was changed since `version`; None where nothing was, or that version is not on record.

    Only for who owns the connector: all its business units are `within`.
    """
    rows = connection.execute(query("form_versions"), {"connector_id": connector_id, "version": version})
    found = [
        Version(row.version, row.action, row.changed_at, row.changed_by, row.origin, canonical.loads(row.spec))
        for row in rows
    ]
    if len(found) < 2 or found[0].number != version or not all("business_units" in one.spec for one in found):  # noqa: PLR2004
        return None
    conflict = Conflict(spec_on_record(found[0].spec), spec_on_record(found[-1].spec), tuple(found[1:]))
    units = {*conflict.read.business_units, *conflict.stands.business_units}
    return conflict if within is None or units <= set(within) else None
