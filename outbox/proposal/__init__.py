"""Proposes a source mapping from what a look at a database found. Pure: facts in, a proposal out."""

from collections.abc import Sequence
from dataclasses import dataclass

from outbox.capture_facts import SLOW_ROWS
from outbox.proposal import words
from outbox.proposal.candidates import Chosen
from outbox.proposal.children import find_children, listing
from outbox.proposal.choice import REFUSED, Choice, MissingIndex, Notes, Output, ProposedRule, Sureness, Taken
from outbox.proposal.columns import (
    IS_JSON_SINCE,
    TEXTS,
    UNREPORTED,
    Reading,
    filters,
    holds_json,
    is_bookkeeping,
    is_secret,
    label,
    listed,
    reported,
)  # fmt: skip
from outbox.proposal.expiry import ProposedExpiry, find_deadline, propose_expiry
from outbox.proposal.facts import Aliases, LiveColumn, LiveTable, Survey, column_sql, plain
from outbox.proposal.links import Joins, identity
from outbox.proposal.parties import Party, find_company, find_unit
from outbox.proposal.rules import Rules
from outbox.proposal.status import Status, find_status

DEFAULT_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A source mapping, and what people should know before they trust it."""

    table: LiveTable
    outputs: tuple[Output, ...]
    joins: tuple[str, ...]
    where: tuple[tuple[str, str], ...]
    never: tuple[str, ...]
    unit: Party
    company: Party | None
    rules: tuple[ProposedRule, ...]
    expiry: ProposedExpiry | None
    choices: tuple[Choice, ...]
    questions: tuple[str, ...]
    indexes: tuple[MissingIndex, ...]


def to_sample(survey: Survey, table: LiveTable) -> dict[int, tuple[str, ...]]:
    """The columns whose values tell more than their names: texts of the contract, kinds and statuses of others."""
    wanted = {table.oid: tuple(one.name for one in table.columns if _tells(one) or one.type in TEXTS)}
    near = [one.table for one in find_children(survey, table)]
    near += [survey.tables[link.to_table] for link in survey.links_from(table.oid)]
    for other in near:
        looked_up = label(other) if words.score(other.name, words.STATUS) else None
        names = [one.name for one in other.columns if _tells(one) or one == looked_up]
        if names:
            wanted[other.oid] = tuple(dict.fromkeys((*wanted.get(other.oid, ()), *names)))
    hidden = {(oid, one.name) for oid in wanted for one in survey.tables[oid].columns if is_secret(one)}
    return {oid: rest for oid, names in wanted.items() if (rest := tuple(n for n in names if (oid, n) not in hidden))}


def _tells(column: LiveColumn) -> bool:
    if column.labels or column.type in UNREPORTED:
        return False
    return bool(words.score(column.name, words.STATUS) or words.score(column.name, words.KIND))


def propose(
    survey: Survey, chosen: Chosen, *, zone: str | None = None, unit_table: LiveTable | None = None
) -> Proposal:
    """The mapping for the chosen contract table; `zone` is where moments without a zone are meant."""
    table, notes, taken = chosen.table, Notes(), Taken()
    reading = Reading(survey, zone or survey.zone or DEFAULT_ZONE)
    joins = Joins(survey, Aliases())
    notes.choose("contracts", table.sql, chosen.sureness, chosen.why)
    _key(table, notes)
    unit = find_unit(survey, table, joins, notes, unit_table)
    status = find_status(survey, table, joins, notes)
    company = find_company(survey, table, unit=unit, reading=reading, joins=joins, notes=notes)
    outputs = _outputs(survey, table, unit=unit, status=status, company=company, reading=reading, taken=taken)
    outputs += listing(survey, table, aliases=joins.aliases, taken=taken, reading=reading, notes=notes)
    expiry = propose_expiry(survey, table, status=status, joins=joins, reading=reading, notes=notes)
    rules = Rules(survey, table, status, notes).all()
    where = filters(table, "c")
    for condition, why in where:
        notes.choose("left out", f"unless {condition}", Sureness.LIKELY, f"{why}: raises nothing, is never reported")
    never = _never(survey, table, rules, company)
    if never:
        notes.choose("never kept", ", ".join(never), Sureness.LIKELY, "named like secrets")
    _zones(survey, rules, reading, notes, given=zone)
    return Proposal(
        table=table, outputs=tuple(outputs), joins=tuple(joins.lines), where=tuple(where), never=never, unit=unit,
        company=company, rules=tuple(rules), expiry=expiry, choices=tuple(notes.choices),
        questions=tuple(notes.questions), indexes=tuple(notes.indexes),
    )  # fmt: skip


def _key(table: LiveTable, notes: Notes) -> None:
    shown, without = listed(table.key), REFUSED if table.rows > SLOW_ROWS else ""
    if len(table.key) == 1 and table.partitioned:
        rest = listed(table.primary_key)
        notes.choose("key", shown, Sureness.LIKELY, f"of the primary key ({rest}), what is not for partitioning")
        notes.ask(f"Does {shown} tell one contract? {table.sql} is partitioned, and its key is ({rest}).")
    elif len(table.key) == 1:
        notes.choose("key", shown, Sureness.SURE, f"one column, a {table.by_name[table.key[0]].type}, unique")
    else:
        notes.choose("key", shown, Sureness.LIKELY, "a key of several columns: written as one text, with slashes")
        expression = f"({identity([plain(name) for name in table.key])})"
        notes.want(MissingIndex(table, expression, "finds a contract by its id", without, unique=True))
        return
    if not table.led_by(table.key):
        notes.want(MissingIndex(table, shown, "finds a contract by its key", without))


def _outputs(
    survey: Survey, table: LiveTable, *, unit: Party, status: Status, company: Party | None, reading: Reading,
    taken: Taken,
) -> list[Output]:  # fmt: skip
    key = identity([column_sql("c", name) for name in table.key])
    found = [Output(key, "contract_id"), Output(unit.sql, "business_unit"), Output(status.sql, "status")]
    used = {*table.key, unit.column, status.column.name if status.column else None}
    if company is not None:
        found.append(Output(company.sql, "company"))
        used.add(company.column)
    deadline = find_deadline(survey, table)
    if deadline is not None and deadline[1] is None:
        found.append(Output(reading.deadline("c", deadline[2]), "expires_at"))
        used.add(deadline[2].name)
    flags = {
        one.name for one in table.columns if any(column_sql("c", one.name) in where for where, _ in filters(table, "c"))
    }
    for one in reported(table, tuple(name for name in {*used, *flags} if name)):
        sql = reading.sql(table, "c", one)
        found.append(Output(sql, taken.name(one.name), _remark(survey, table, one)))
    return found


def _remark(survey: Survey, table: LiveTable, column: LiveColumn) -> str:
    if holds_json(survey, table, column):
        found = f"{column.name} is {column.type} that holds JSON in every row that was looked at"
        cast = f"; CAST({plain(column.name)} AS jsonb) reports it so, and fails at a row that is none"
        return found if survey.version >= IS_JSON_SINCE else found + cast
    return ""


def _never(survey: Survey, table: LiveTable, rules: Sequence[ProposedRule], company: Party | None) -> tuple[str, ...]:
    captured = {rule.table for rule in rules} | {table.sql}
    read = [one for one in survey.tables.values() if one.sql in captured]
    if company is not None:
        read.append(survey.tables[company.way[-1].to_table])
    names = {(other.oid, name) for other in read for name in other.primary_key}
    names |= {(link.table, name) for link in survey.links for name in link.columns}
    secrets = ((other.oid, one.name) for other in read for one in other.columns if is_secret(one))
    return tuple(dict.fromkeys(name for oid, name in secrets if (oid, name) not in names))


def _zones(survey: Survey, rules: Sequence[ProposedRule], reading: Reading, notes: Notes, *, given: str | None) -> None:
    """What moments without a zone mean is nothing that a catalogue knows."""
    captured = {rule.table for rule in rules if rule.active}
    zoneless = [
        f"{other.name}.{one.name}"
        for other in survey.tables.values()
        if other.sql in captured
        for one in other.columns
        if one.type == "timestamp without time zone" and not is_bookkeeping(one)
    ]
    if not zoneless:
        return
    sure = Sureness.SURE if given else Sureness.LIKELY if survey.zone else Sureness.GUESS
    why = "named by --time-zone" if given else "the database's own TimeZone" if survey.zone else "nothing tells it"
    notes.choose("time zone", reading.zone, sure, f"{why}; columns without a zone of their own: {len(zoneless)}")
    if not given:
        notes.ask(
            f"In which zone does the application write {', '.join(zoneless[:4])}{' ...' if len(zoneless) > 4 else ''}?"  # noqa: PLR2004
            f" Taken as {reading.zone}: say --time-zone, such as --time-zone Europe/Berlin."
        )
