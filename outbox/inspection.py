"""Holds a mapping against the live catalogue: every fault at once, in words, and the facts for capture."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Lookup
from dataclasses import dataclass

from sqlalchemy import Connection

from outbox.capture_facts import Facts, Table
from outbox.catalog import Catalog, Cost, ResultColumn, SqlFaultError
from outbox.errors import ConfigurationError
from outbox.inspection_contract import ContractInspector
from outbox.inspection_expiry import inspect_expired
from outbox.inspection_rules import RuleInspector
from outbox.inspection_words import Findings, in_words
from outbox.mapping import Mapping, mapping_faults


@dataclass(frozen=True, slots=True)
class Inspected:
    """What came of an inspection that found no fault."""

    facts: Facts
    costs: tuple[Cost, ...]
    warnings: tuple[str, ...]


def inspect(connection: Connection, mapping: Mapping, *, allow_slow: bool = False) -> Inspected:
    """The facts of a mapping that this database can bear; raises ConfigurationError with every fault.

    Reads only, under savepoints; `allow_slow` lets lookups pass that read a large table whole.
    """
    catalog = Catalog(connection)
    with catalog.raw.cursor() as cursor:
        cursor.execute("SET LOCAL row_security = off")
    findings = Findings()
    contract = ContractInspector(catalog, mapping.contract, findings)
    contract.inspect()
    rules = RuleInspector(catalog, mapping, findings.faults, findings.warnings).inspect(
        contract.key_type, contract.base.table if contract.base else None
    )
    findings.faults += mapping_faults(mapping, {name: one.table.oid for name, one in rules.items()})
    companies = _lookups(catalog, mapping, findings, contract.columns)
    expired = inspect_expired(catalog, mapping, findings, contract.columns)
    if not findings.faults:
        tables = {name: one.table for name, one in rules.items()}
        key_type = contract.key_type or "text"
        findings.costs += lookup_costs(catalog, mapping, key_type, tables, faults=findings.faults)
        findings.faults += [] if allow_slow else _slow(findings.costs)
    if findings.faults:
        raise ConfigurationError(*(f"source.toml: {fault}" for fault in findings.faults))
    path = catalog.search_path()
    findings.warnings += [
        f"schema {name} is on the search path and everybody may create objects in it; what they create could run with"
        f" the rights of the capture functions: REVOKE CREATE ON SCHEMA {name} FROM PUBLIC"
        for name in catalog.public_schemas(path)
    ]
    facts = Facts(
        search_path=path,
        contract_columns=tuple(one.name for one in contract.columns),
        key_type=contract.key_type or "text",
        base=contract.base.table if contract.base else None,
        key=contract.key,
        read_columns=contract.read_columns,
        rules=rules,
        company_columns=companies,
        prepared_transactions=int(catalog.setting("max_prepared_transactions")) > 0,
        expired=expired,
    )
    return Inspected(facts=facts, costs=tuple(findings.costs), warnings=tuple(findings.warnings))


def _lookups(
    catalog: Catalog, mapping: Mapping, findings: Findings, contract: Sequence[ResultColumn]
) -> dict[str, str]:
    _columns(catalog, "business_unit.query", mapping.business_unit.query, ("business_unit", "name"), findings.faults)
    if mapping.company is None:
        return {}
    columns = _columns(catalog, "company.query", mapping.company.query, ("company",), findings.faults)
    names = [one.name for one in contract]
    if names and "company" not in names:
        findings.warnings.append(
            "company.query is there, but contract.query gives no column company: no report has one; add it AS company"
        )
    return columns


def _columns(catalog: Catalog, key: str, query: str, wanted: Sequence[str], faults: list[str]) -> dict[str, str]:
    try:
        found = {one.name: one.type for one in catalog.describe(query)}
    except SqlFaultError as error:
        faults.append(in_words(key, "a query that PostgreSQL can run", error))
        return {}
    faults += [
        f"{key}: expected a column {name}, got {', '.join(found)}; name the column with AS {name}"
        for name in wanted
        if name not in found
    ]
    return found


def lookup_costs(
    catalog: Catalog, mapping: Mapping, key_type: str, tables: Lookup[str, Table], *, faults: list[str]
) -> Iterator[Cost]:
    """The cost of every lookup that a commit waits for, of the rules whose table is given; faults are added."""
    # As find_contracts reads it: each contract to itself.
    read = (
        "SELECT present.* FROM unnest(ARRAY[$1]) AS wanted (id) LEFT JOIN LATERAL (SELECT to_jsonb(contract.*)"  # noqa: S608 (the mapping's own query)
        f" FROM (\n{mapping.contract.query}\n) AS contract"
        f" WHERE contract.contract_id = CAST(wanted.id AS {key_type}) LIMIT 1) AS present ON true"
    )
    lookups: list[tuple[str, str, Sequence[str]]] = [("contract.query", read, ("text",))]
    for name, rule in mapping.named_rules:
        if name in tables:
            lookups.append(RuleInspector.lookup(name, rule, tables[name], key_type))
    for what, sql, types in lookups:
        try:
            yield catalog.cost(what, sql, types=types)
        except SqlFaultError as error:
            faults.append(in_words(what, "a lookup that PostgreSQL can plan", error))


def _slow(costs: Sequence[Cost]) -> list[str]:
    return [
        f"{one.what}: expected a lookup by an index, got one that reads all of {table}, which has more than 10,000"
        f" rows, at every commit; add an index there, or accept it with --allow-slow"
        for one in costs
        for table in one.slow
    ]
