"""Reads what the installed source has: business units, captured triggers, company fields."""

import json
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection, text

from outbox.connector import ConnectorSpec
from outbox.connector_check import BusinessUnit, Checked, SourceNames, address_warnings, check, field_warnings
from outbox.model import ALL_BUSINESS_UNITS, Trigger
from outbox.resources import query

COMPANY_FIELDS = "outbox.company_fields(text[],integer)"
COMPANIES_READ = 1_000
"""How many companies are looked at for the fields that they have."""


def read_source_names(connection: Connection) -> SourceNames:
    """What a connector can name; all None while no mapping is installed."""
    written = connection.execute(query("source_installed")).scalar_one_or_none()
    if written is None or not _has(connection, "outbox.business_units()"):
        return SourceNames()
    mapping = json.loads(written)
    expired = {Trigger.EXPIRED} if mapping.get("expired") else set()
    return SourceNames(
        business_units=read_business_units(connection),
        triggers=frozenset(Trigger(rule["trigger"]) for rule in mapping.get("capture", ())) | expired,
        contract_fields=frozenset(mapping["installed"].get("contract_columns", ())) or None,
    )


def check_connector(
    connection: Connection,
    spec: ConnectorSpec,
    source: SourceNames,
    *,
    standing_units: Collection[str] = (),
    allow_unknown: bool = False,
    allow_networks: Collection[str] = (),
) -> Checked:
    """`check`, then whether its address may be sent to, and whether companies of its units have the fields it names."""
    checked = check(spec, source, standing_units=standing_units, allow_unknown=allow_unknown)
    checked = replace(checked, warnings=(*checked.warnings, *address_warnings(spec, allow_networks)))
    if checked.faults or not spec.company_fields or not _has(connection, COMPANY_FIELDS):
        return checked
    units = checked.spec.business_units
    found = read_company_fields(connection, None if ALL_BUSINESS_UNITS in units else units)
    return replace(checked, warnings=(*checked.warnings, *field_warnings(spec, frozenset(found))))


def read_company_fields(connection: Connection, units: Collection[str] | None) -> tuple[str, ...]:
    """The fields that companies of these business units (None: of all) have, by a sample of them."""
    if not _has(connection, COMPANY_FIELDS):
        return ()
    asked = {"units": None if units is None else list(units), "most": COMPANIES_READ}
    return tuple(connection.execute(query("source_company_fields"), asked).scalars())


def read_business_units(connection: Connection) -> tuple[BusinessUnit, ...]:
    """The source's business units by name; none while no mapping is installed."""
    if not _has(connection, "outbox.business_units()"):
        return ()
    return tuple(
        BusinessUnit(row.business_unit, row.name) for row in connection.execute(query("source_business_units"))
    )


def unit_labels(connection: Connection) -> dict[str, str]:
    """What people read instead of a business unit's id: its name, with the id beside it."""
    return {unit.id: f"{unit.name} ({unit.id})" for unit in read_business_units(connection) if unit.name}


def _has(connection: Connection, function: str) -> bool:
    found = connection.execute(text("SELECT to_regprocedure(:function)"), {"function": function}).scalar_one()
    return found is not None
