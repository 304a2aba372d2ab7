"""Reads what the installed source has: business units, captured triggers, company fields."""

import json

from sqlalchemy import Connection, text

from outbox.connector_check import BusinessUnit, SourceNames
from outbox.model import Json, Trigger
from outbox.resources import query


def read_source_names(connection: Connection, *, companies: bool = True) -> SourceNames:
    """What a connector can name; all None while no mapping is installed. `companies` False spares their sample."""
    mapping = connection.execute(query("source_installed")).scalar_one_or_none()
    if mapping is None or not _has(connection, "outbox.business_units()"):
        return SourceNames()
    return SourceNames(
        business_units=read_business_units(connection),
        triggers=_triggers(json.loads(mapping)),
        company_fields=_company_fields(connection) if companies else None,
    )


def read_business_units(connection: Connection) -> tuple[BusinessUnit, ...]:
    """The source's business units by name; none while no mapping is installed."""
    if not _has(connection, "outbox.business_units()"):
        return ()
    return tuple(
        BusinessUnit(row.business_unit, row.name) for row in connection.execute(query("source_business_units"))
    )


def _triggers(mapping: Json) -> frozenset[Trigger]:
    captured = {Trigger(rule["trigger"]) for rule in mapping.get("capture", ())}
    return frozenset(captured | ({Trigger.EXPIRED} if mapping.get("expired") else set()))


def _company_fields(connection: Connection) -> frozenset[str] | None:
    if not _has(connection, "outbox.read_company(text[])"):
        return None
    return frozenset(connection.execute(query("source_company_sample")).scalars())


def _has(connection: Connection, function: str) -> bool:
    found = connection.execute(text("SELECT to_regprocedure(:function)"), {"function": function}).scalar_one()
    return found is not None
