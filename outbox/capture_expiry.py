"""The query that finds passed deadlines, written around the mapping's own; and the index that it wants. Pure."""

# ruff: noqa: S608 (this module writes SQL for a reviewed script, of the mapping's own SQL)

import re
from collections.abc import Mapping as Lookup
from string import Template

from outbox.capture_facts import ExpiredFacts, Facts
from outbox.capture_sql import literal, stripped
from outbox.mapping import Expired, Mapping

ZONED = "timestamp with time zone"
ZONELESS = "timestamp without time zone"
DATE = "date"
DEADLINE_TYPES = (ZONED, ZONELESS, DATE)
ARGUMENTS = ("timestamptz", "timestamptz", "integer")
"""The types of the query's parameters: after, up to, at most."""

_NOW = re.compile(r"(?<!:):now\b")
# No clock is, or was since there are zones, further from UTC than 15 hours: so a column without a zone can be compared
# as it stands, by its index, and what is let through too much is told by the deadline itself.
_BOUNDS = {
    ZONED: "true",
    ZONELESS: (
        "contract.expires_at > ($1 AT TIME ZONE 'UTC') - interval '15 hours'"
        " AND contract.expires_at <= ($2 AT TIME ZONE 'UTC') + interval '15 hours'"
    ),
    DATE: (
        "contract.expires_at >= CAST(($1 AT TIME ZONE 'UTC') - interval '39 hours' AS date)"
        " AND contract.expires_at <= CAST(($2 AT TIME ZONE 'UTC') - interval '9 hours' AS date)"
    ),
}
_FLOORS = {
    ZONED: "due.deadline - interval '1 microsecond'",
    ZONELESS: "(due.written AT TIME ZONE 'UTC') - interval '15 hours 1 microsecond'",
    DATE: "(CAST(due.written AS timestamp) AT TIME ZONE 'UTC') + interval '9 hours' - interval '1 microsecond'",
}


def expiring_query(mapping: Mapping, facts: Facts, templates: Lookup[str, str]) -> str | None:
    """What finds the deadlines after $1 and up to $2, at most $3; None without [expired]."""
    expired, known = mapping.expired, facts.expired
    if expired is None or known is None:
        return None
    kind = known.columns["expires_at"]
    own = expired.query is not None
    slots = {
        "query": mapping.contract.query if expired.query is None else _NOW.sub("$2", expired.query),
        "condition": expired.open or _is_contract(mapping, facts),
        "bounds": _BOUNDS[kind],
        "floor": _FLOORS[kind],
        "deadline": _deadline("contract.expires_at", kind, _zone_of_row(mapping, expired, known)),
        "subject": "coalesce(CAST(contract.subject AS text), '')" if own and "subject" in known.columns else "''",
        "detail": _detail(mapping) if own and "detail" in known.columns else "CAST('{}' AS jsonb)",
        "told": _TOLD if own else "CAST(NULL AS jsonb)",
    }
    return Template(templates["expiring_query"]).substitute(slots).strip("\n")


_TOLD = (
    "due.detail || jsonb_build_object('expires_at', due.deadline)"
    " || CASE due.subject WHEN '' THEN '{}' ELSE jsonb_build_object('subject', due.subject) END"
)
"""A query of one's own may find several deadlines of one contract: each says which one it is."""


def source_deadline(mapping: Mapping, facts: Facts) -> str | None:
    """The deadline of a contract by its document and its business unit; None where expires_at has its zone."""
    expired, known = mapping.expired, facts.expired
    if expired is None or known is None or known.contract_type not in (ZONELESS, DATE) or expired.time_zone is None:
        return None
    zones = ["document ->> 'time_zone'"] if "time_zone" in facts.contract_columns else []
    if known.unit_zone:
        zones.append(_unit_zone(mapping, "$2"))
    return _deadline(f"CAST($1 ->> 'expires_at' AS {known.contract_type})", known.contract_type, _first(zones, expired))


def _is_contract(mapping: Mapping, facts: Facts) -> str:
    """A query of one's own finds what it likes; a contract that is none, or not there any more, raises nothing."""
    return (
        f"EXISTS (SELECT FROM (\n{mapping.contract.query}\n) AS standing"
        f" WHERE standing.contract_id = CAST(contract.contract_id AS {facts.key_type}))"
    )


def _detail(mapping: Mapping) -> str:
    told = stripped("CAST(contract.detail AS jsonb)", mapping.contract.never)
    return (
        "(SELECT CASE WHEN jsonb_typeof(given.detail) = 'object' THEN given.detail"
        " WHEN given.detail IS NULL OR given.detail = 'null' THEN '{}'"
        " ELSE jsonb_build_object('detail', given.detail) END"
        f" FROM (SELECT {told} AS detail) AS given)"
    )


def _zone_of_row(mapping: Mapping, expired: Expired, known: ExpiredFacts) -> str:
    zones = ["CAST(contract.time_zone AS text)"] if "time_zone" in known.columns else []
    if known.unit_zone and "business_unit" in known.columns:
        zones.append(_unit_zone(mapping, "CAST(contract.business_unit AS text)"))
    return _first(zones, expired)


def _unit_zone(mapping: Mapping, unit: str) -> str:
    return (
        f"(SELECT CAST(unit.time_zone AS text) FROM (\n{mapping.business_unit.query}\n) AS unit"
        f" WHERE CAST(unit.business_unit AS text) = {unit} LIMIT 1)"
    )


def _first(zones: list[str], expired: Expired) -> str:
    """The column's zone before the business unit's before that of the mapping, which alone needs no looking."""
    own = literal(expired.time_zone or "UTC")
    return f"outbox.known_zone({', '.join([*zones, own])})" if zones else own


def _deadline(value: str, kind: str, zone: str) -> str:
    if kind == DATE:
        return f"outbox.end_of_day({value}, {zone})"
    return f"({value} AT TIME ZONE {zone})" if kind == ZONELESS else value


def deadline_index(table: str, expression: str) -> str:
    """The index that the scan wants: on the column, or on the expression in its place."""
    plain = re.fullmatch(r'[a-z_][a-z0-9_$]*|"(?:[^"]|"")+"', expression)
    return f"CREATE INDEX CONCURRENTLY ON {table} ({expression if plain else f'({expression})'})"
