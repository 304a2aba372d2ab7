"""Holds [expired] against the catalogue: its SQL, the type and zone of its deadlines, what a scan costs."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Lookup
from datetime import datetime

from outbox.capture_expiry import ARGUMENTS, DATE, DEADLINE_TYPES, ZONED, deadline_index
from outbox.capture_facts import ExpiredFacts
from outbox.capture_sql import literal, quote
from outbox.catalog import Catalog, Cost, ResultColumn, SqlFaultError
from outbox.errors import ConfigurationError
from outbox.inspection_words import Findings, in_words
from outbox.mapping import Expired, Mapping

AN_HOUR = ("now() - interval '1 hour'", "now()", "1000")
"""What a scan asks for, as a rule: what it has looked at, less an hour, up to now."""
COUNT_SECONDS = 5


def inspect_expired(
    catalog: Catalog, mapping: Mapping, findings: Findings, contract: Sequence[ResultColumn]
) -> ExpiredFacts | None:
    """The facts of [expired]; None where there is none, or a fault was found."""
    expired = mapping.expired
    if expired is None or not contract:
        return None
    before = len(findings.faults)
    columns = _columns(catalog, mapping, expired, findings, {one.name: one.type for one in contract})
    kind = columns.get("expires_at")
    if kind is not None:
        _kind(catalog, expired, kind, findings)
    if len(findings.faults) > before or kind is None:
        return None
    units = _names(catalog, mapping.business_unit.query)
    return ExpiredFacts(
        columns=columns,
        contract_type=next((one.type for one in contract if one.name == "expires_at"), None),
        unit_zone="time_zone" in units,
        index=None if expired.query is not None else _index(catalog, mapping, contract),
    )


def _columns(
    catalog: Catalog, mapping: Mapping, expired: Expired, findings: Findings, contract: Lookup[str, str]
) -> Lookup[str, str]:
    if expired.query is not None:
        return _own_columns(catalog, expired.query.replace(":now", "now()"), findings)
    if "expires_at" not in contract:
        findings.faults.append(
            "expired.open: expected contract.query to give expires_at, got none; add the column, or use [expired] query"
        )
        return {}
    try:
        catalog.check(f"SELECT FROM (\n{mapping.contract.query}\n) AS contract WHERE ({expired.open}\n)")
    except SqlFaultError as error:
        findings.faults.append(in_words("expired.open", "a condition on the contract query's columns", error))
    return contract


def _own_columns(catalog: Catalog, query: str, findings: Findings) -> Lookup[str, str]:
    try:
        columns = {one.name: one.type for one in catalog.describe(query)}
    except SqlFaultError as error:
        findings.faults.append(in_words("expired.query", "a query that PostgreSQL can run", error))
        return {}
    findings.faults += [
        f"expired.query: expected a column {name}, got {', '.join(columns)}; name the column with AS {name}"
        for name in ("contract_id", "expires_at")
        if name not in columns
    ]
    if columns.get("detail", "jsonb") not in ("jsonb", "json"):
        findings.faults.append(
            f"expired.query: detail: expected jsonb, got {columns['detail']}; write jsonb_build_object('name', value)"
        )
    return columns


def _kind(catalog: Catalog, expired: Expired, kind: str, findings: Findings) -> None:
    if kind not in DEADLINE_TYPES:
        findings.faults.append(
            f"expired: expected expires_at as timestamp with time zone, timestamp or date, got {kind}; cast it"
        )
        return
    if kind == ZONED:
        if expired.time_zone is not None:
            findings.warnings.append("expired.time_zone: has no effect, since expires_at has its zone; take it out")
        return
    if expired.time_zone is None:
        means = "whose day it is" if kind == DATE else "where its clock stands"
        findings.faults.append(
            f"expired.time_zone: expected a zone, since expires_at is a {kind} and says nothing of {means}, got none;"
            " give the zone of those that no column time_zone names, such as time_zone = 'Europe/Berlin'"
        )
    elif not catalog.knows_zone(expired.time_zone):
        findings.faults.append(
            f"expired.time_zone: expected a zone that PostgreSQL knows, such as Europe/Berlin, got"
            f" {expired.time_zone!r}; see pg_timezone_names"
        )


def _names(catalog: Catalog, query: str) -> frozenset[str]:
    try:
        return frozenset(one.name for one in catalog.describe(query))
    except SqlFaultError:
        return frozenset()  # said already, of the same query


def _index(catalog: Catalog, mapping: Mapping, contract: Sequence[ResultColumn]) -> str | None:
    """The index that a scan of the default form could use."""
    origin = catalog.origin(mapping.contract.query, "expires_at")
    if origin is not None:
        return deadline_index(*origin)
    column = next(one for one in contract if one.name == "expires_at")
    found = catalog.table(column.table) if column.table else None
    if found is None or not found.table.partitioned:
        return None
    name = next(one.name for one in found.table.columns if one.number == column.number)
    return f"on each partition of {found.table.sql}: {deadline_index('...', name)}"


def measure_expired(catalog: Catalog, sql: str, index: str | None) -> tuple[Cost, tuple[str, ...]]:
    """What a scan costs, and a warning where it reads a large table whole: no commit waits for it."""
    try:
        cost = scan_cost(catalog, sql)
    except SqlFaultError as error:
        raise ConfigurationError(
            f"source.toml: {in_words('expired', 'a query that PostgreSQL can plan', error)}"
        ) from error
    warned = (f"expired: each scan reads all of {', '.join(cost.slow)}; {remedy(index)}",) if cost.slow else ()
    return cost, warned


def raised_anew(catalog: Catalog, sql: str, since: datetime) -> Iterator[str]:
    """A warning where another query than the last one finds deadlines that passed and never were, to it, raised."""
    began = f"timestamptz {literal(since.isoformat())}"
    try:
        found = catalog.count(sql, types=ARGUMENTS, values=(began, "now()", "NULL"), seconds=COUNT_SECONDS)
    except SqlFaultError:
        counted = f"deadlines, which could not be counted within {COUNT_SECONDS} s,"
    else:
        if not found:
            return
        counted = "1 deadline" if found == 1 else f"{found} deadlines"
    yield (
        f"expired: {counted} passed after {since:%Y-%m-%dT%H:%M:%SZ} and raised nothing yet as this mapping reckons"
        " them; the next scan raises them, unless `since` in [expired] is later"
    )


def scan_cost(catalog: Catalog, sql: str) -> Cost:
    """The plan of a scan as it comes every minute, our own tables left out; raises SqlFaultError."""
    cost = catalog.cost("expired", sql, types=ARGUMENTS, values=AN_HOUR)
    slow = tuple(one for one in cost.slow if not one.startswith("outbox."))
    indexes = tuple(one for one in cost.indexes if one != "expiry_pkey" and not one.startswith("capture_error_"))
    return Cost(cost.what, cost.cost, cost.rows, indexes, slow, cost.reads)


def standing_cost(catalog: Catalog, sql: str, path: Sequence[str]) -> Cost:
    """What a scan costs now, under the search path of the install."""
    with catalog.trial() as cursor:
        names = ", ".join(quote(one) for one in path)
        cursor.execute("SELECT set_config('search_path', %s, true)", (names,))
        return scan_cost(catalog, sql)


def unknown_zones(catalog: Catalog, query: str, path: Sequence[str]) -> list[str]:
    """Business units whose time_zone the server doesn't know, so that the mapping's own stands for it."""
    with catalog.trial() as cursor:
        names = ", ".join(quote(one) for one in path)
        cursor.execute("SELECT set_config('search_path', %s, true)", (names,))
        if "time_zone" not in _names(catalog, query):
            return []
        rows = catalog.rows(
            f"SELECT CAST(unit.business_unit AS text) FROM (\n{query}\n) AS unit WHERE unit.time_zone IS NOT NULL"  # noqa: S608 (the mapping's own query)
            " AND outbox.known_zone(CAST(unit.time_zone AS text)) IS NULL ORDER BY 1 LIMIT 10",
            seconds=5,
        )
    return [row[0] for row in rows]


def remedy(index: str | None) -> str:
    """What makes a scan quick."""
    return index or "let [expired] query compare a column that has an index with :now"
