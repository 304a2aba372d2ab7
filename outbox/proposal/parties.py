"""Whose a contract is: its business unit and its company, in a column or behind joins."""

# ruff: noqa: S608 (texts of SQL for people to read and edit)

from collections.abc import Iterator
from dataclasses import dataclass

from outbox.proposal import words
from outbox.proposal.choice import Notes, Sureness
from outbox.proposal.columns import NUMBERS, TEXTS, Reading, is_secret, label, reported
from outbox.proposal.facts import Link, LiveColumn, LiveTable, Survey, column_sql, plain
from outbox.proposal.links import Joins, paths

LEAST = 4.0
LIKELY = 6.0
SURE = 7.5
MOST_FIELDS = 40
NO_UNIT = "none"
ONE_UNIT = "all"
Way = tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Party:
    """The SQL that gives it in the contract query, and its own query; `way` leads to its table."""

    sql: str
    query: str
    way: Way = ()
    column: str | None = None


def _fits(survey: Survey, table: LiveTable, known: words.Words, longest: int) -> Iterator[tuple[float, Way]]:
    for way in paths(survey, table.oid):
        end, last = survey.tables[way[-1].to_table], way[-1]
        if len(way) <= longest and len(last.columns) == 1:
            name = max(words.score(end.name, known), 0.9 * words.score(last.columns[0], known))
            guessed = sum(not link.declared for link in way)
            if name:
                yield name - (len(way) - 1) - 0.5 * guessed, way


def unit_way(survey: Survey, table: LiveTable, named: LiveTable | None = None) -> tuple[float, Way] | None:
    """The best way to a business unit, or the way to the table that was named for it."""
    if named is not None:
        way = next((way for way in paths(survey, table.oid) if way[-1].to_table == named.oid), None)
        return (10.0, way) if way else None
    best = max(_fits(survey, table, words.BUSINESS_UNIT, 3), key=lambda fit: fit[0], default=None)
    return best if best and best[0] >= LEAST else None


def company_way(survey: Survey, table: LiveTable, unit: LiveTable | None) -> tuple[float, Way] | None:
    """The best way to a company that is not the business unit."""
    fits = (fit for fit in _fits(survey, table, words.COMPANY, 2) if unit is None or fit[1][-1].to_table != unit.oid)
    best = max(fits, key=lambda fit: fit[0], default=None)
    return best if best and best[0] >= LEAST else None


def unit_column(table: LiveTable) -> LiveColumn | None:
    """A column that names the business unit itself, without a table of them."""
    known = [one for one in table.columns if one.type in (*TEXTS, *NUMBERS) or one.labels]
    fits = [(words.score(one.name, words.BUSINESS_UNIT), one) for one in known if one.name not in table.primary_key]
    best = max(fits, key=lambda fit: fit[0], default=None)
    return best[1] if best and best[0] >= LEAST else None


def find_unit(survey: Survey, table: LiveTable, joins: Joins, notes: Notes, named: LiveTable | None) -> Party:
    """The business unit; where none is found, one for all contracts, and a question."""
    found = unit_way(survey, table, named)
    if found is not None:
        return _linked_unit(survey, joins, notes, found)
    column = unit_column(table)
    if column is not None:
        notes.choose("business unit", f"{table.sql}.{plain(column.name)}", Sureness.GUESS, "a column without a table")
        notes.ask(
            f"Is {column.name} the business unit? There is no table of them: its distinct values are the choices."
        )
        sql = column_sql("c", column.name)
        value, shown = (
            _filled(sql, missing=not column.not_null),
            _filled(plain(column.name), missing=not column.not_null),
        )
        query = f"SELECT DISTINCT {shown} AS business_unit, {shown} AS name FROM {table.sql}"
        return Party(value, query, column=column.name)
    notes.choose("business unit", f"'{ONE_UNIT}' for every contract", Sureness.UNKNOWN, "nothing reads like one")
    notes.ask(
        "Which business unit does a contract belong to? Connectors choose by it. Until contract.query says so AS"
        f" business_unit, all contracts are in one, '{ONE_UNIT}'; --business-unit-table names the table of them."
    )
    return Party(f"'{ONE_UNIT}'", f"SELECT '{ONE_UNIT}' AS business_unit, 'All contracts' AS name")


def _linked_unit(survey: Survey, joins: Joins, notes: Notes, found: tuple[float, Way]) -> Party:
    fit, way = found
    end, last = survey.tables[way[-1].to_table], way[-1]
    sql, missing = joins.foreign_key(way)
    steps = ", then ".join(
        f"{survey.tables[link.table].name}.{link.columns[0]}" + ("" if link.declared else " (no foreign key)")
        for link in way
    )
    notes.choose("business unit", f"{end.sql} by {steps}", _sureness(fit, way), _named_why(end, len(way)))
    key, called = plain(last.to_columns[0]), label(end)
    name = plain(called.name) if called else f"CAST({key} AS text)"
    name += "" if name == "name" else " AS name"
    if not missing:
        return Party(sql, f"SELECT {key} AS business_unit, {name} FROM {end.sql}", way, _own_column(way))
    notes.ask(f"A contract's business unit may be missing; such contracts go to the unit '{NO_UNIT}'. Is that right?")
    query = (
        f"SELECT CAST({key} AS text) AS business_unit, {name} FROM {end.sql}\n"
        f"UNION ALL SELECT '{NO_UNIT}', 'Without a business unit'"
    )
    return Party(_filled(sql, missing=True), query, way, _own_column(way))


def _filled(sql: str, *, missing: bool) -> str:
    return f"coalesce(CAST({sql} AS text), '{NO_UNIT}')" if missing else sql


def _own_column(way: Way) -> str | None:
    return way[0].columns[0] if len(way) == 1 else None


def _sureness(fit: float, way: Way) -> Sureness:
    if fit >= SURE and all(link.declared for link in way):
        return Sureness.SURE
    return Sureness.LIKELY if fit >= LIKELY else Sureness.GUESS


def _named_why(end: LiveTable, joined: int) -> str:
    behind = {1: "a column of the contract", 2: "behind one join"}.get(joined, f"behind {joined - 1} joins")
    rows = f"; about {end.rows:.0f} rows" if end.analyzed else ""
    return f"{end.name} reads like it; {behind}{rows}"


def find_company(
    survey: Survey, table: LiveTable, *, unit: Party, reading: Reading, joins: Joins, notes: Notes
) -> Party | None:
    """The company, with every column that may be an extra field; None where nothing reads like one."""
    unit_table = survey.tables[unit.way[-1].to_table] if unit.way else None
    found = company_way(survey, table, unit_table)
    if found is None:
        notes.choose("company", "left out", Sureness.UNKNOWN, "no foreign key leads to a table that reads like one")
        notes.ask("Which company is a contract with? Give it AS company in contract.query, and [company] its fields.")
        return None
    fit, way = found
    end, last = survey.tables[way[-1].to_table], way[-1]
    sql, _ = joins.foreign_key(way)
    notes.choose("company", f"{end.sql} by {last.columns[0]}", _sureness(fit, way), _named_why(end, len(way)))
    return Party(sql, _company_query(survey, end, last, unit_table, reading), way, _own_column(way))


def _company_query(survey: Survey, end: LiveTable, last: Link, unit: LiveTable | None, reading: Reading) -> str:
    key, called = last.to_columns[0], label(end)
    columns = [f"{column_sql('c', key)} AS company"]
    to_unit = next((one for one in survey.links_from(end.oid) if unit is not None and one.to_table == unit.oid), None)
    if to_unit is not None and len(to_unit.columns) == 1:
        columns.append(f"{column_sql('c', to_unit.columns[0])} AS business_unit")
    if called is not None:
        columns.append(column_sql("c", called.name) + ("" if called.name == "name" else " AS name"))
    without = [key, *(to_unit.columns if to_unit else ()), *([called.name] if called else ())]
    for one in list(reported(end, without))[:MOST_FIELDS]:
        if one.name not in ("company", "business_unit", "name") and not is_secret(one):
            read = reading.sql(end, "c", one)
            columns.append(read if read == column_sql("c", one.name) else f"{read} AS {plain(one.name)}")
    return f"SELECT {', '.join(columns)}\nFROM {end.sql} c"
