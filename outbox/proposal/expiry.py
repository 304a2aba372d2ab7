"""When a contract's time is up: a deadline of its own, or of a recipient."""

from collections.abc import Sequence
from dataclasses import dataclass

from outbox.capture_facts import SLOW_ROWS
from outbox.proposal import words
from outbox.proposal.choice import MissingIndex, Notes, Sureness
from outbox.proposal.columns import Reading, filters, is_moment, is_secret, label, listed
from outbox.proposal.facts import Link, LiveColumn, LiveTable, Survey, column_sql, plain
from outbox.proposal.links import Joins, children, identity, matched
from outbox.proposal.status import Status, open_condition

LEAST = 5.0
SURE = 9.0
WHY = "finds the deadlines that have passed"


@dataclass(frozen=True, slots=True)
class ProposedExpiry:
    """The [expired] section: one of the two, or none where nothing tells which contracts are open."""

    open: str | None = None
    query: str | None = None


def deadline_of(table: LiveTable) -> tuple[LiveColumn, float] | None:
    """The column that reads most like a deadline."""
    fits = [(one, words.score(one.name, words.EXPIRY)) for one in table.columns if is_moment(one)]
    best = max(fits, key=lambda fit: fit[1], default=None)
    return best if best and best[1] >= LEAST else None


def find_deadline(survey: Survey, table: LiveTable) -> tuple[LiveTable, Link | None, LiveColumn, float] | None:
    """The deadline: the contract's own (no link), else that of its children that fits best."""
    own = deadline_of(table)
    if own is not None:
        return (table, None, *own)
    found = [(child, link, *fit) for child, link in children(survey, table) if (fit := deadline_of(child))]
    return max(found, key=lambda one: one[3], default=None)


def propose_expiry(
    survey: Survey, table: LiveTable, *, status: Status, joins: Joins, reading: Reading, notes: Notes
) -> ProposedExpiry | None:
    """The section, and what it rests on."""
    found = find_deadline(survey, table)
    if found is None:
        notes.choose("expiry", "left out", Sureness.UNKNOWN, "no date or time reads like a deadline")
        notes.ask("Do contracts expire? Give the deadline AS expires_at in contract.query, and [expired] open.")
        return None
    holder, link, column, fit = found
    where = "of the contract" if link is None else f"of {holder.name}, a child"
    sure = Sureness.SURE if fit >= SURE and link is None else Sureness.LIKELY if fit >= SURE else Sureness.GUESS
    notes.choose("expiry", f"{holder.sql}.{plain(column.name)}", sure, f"{column.name} {where}, a {column.type}")
    if column.type == "date":
        notes.ask(f"Does {column.name} end with its day, in zone {reading.zone}? Taken as: yes.")
    _index(holder, column, reading, notes)
    if link is None:
        condition = open_condition(status, "status", notes)
        return ProposedExpiry(open=condition)
    return ProposedExpiry(
        query=_query(table, holder, link, column, status=status, joins=joins, reading=reading, notes=notes)
    )


def _query(
    table: LiveTable, holder: LiveTable, link: Link, column: LiveColumn, *, status: Status, joins: Joins,
    reading: Reading, notes: Notes,
) -> str | None:  # fmt: skip
    """One row for each child whose time is up, named by its own key, while its contract is open."""
    opened = open_condition(status, status.sql, notes)
    if opened is None:
        return None
    alias = joins.aliases.of(holder.name)
    deadline = reading.deadline(alias, column)
    answers = [one.name for one in holder.columns if _answers(one)]
    done = [f"{column_sql(alias, name)} IS NULL" for name in answers]
    shown = label(holder)
    detail = (
        f",\n       jsonb_build_object('{holder.name}', {column_sql(alias, shown.name)}) AS detail" if shown else ""
    )
    conditions = [f"{deadline} <= :now", opened, *(one for one, _ in filters(table, "c")), *done]
    key = [column_sql(alias, name) for name in holder.primary_key if name not in link.columns] or ["NULL"]
    if done:
        notes.ask(f"A row of {holder.sql} that has {listed(answers)} does not expire. Is that right?")
    return "\n".join(
        [
            f"SELECT {identity([column_sql('c', name) for name in table.key])} AS contract_id,",
            f"       {deadline} AS expires_at, CAST({identity(key)} AS text) AS subject{detail}",
            f"FROM {table.sql} c",
            f"JOIN {holder.sql} {alias} ON {matched(alias, link.columns, 'c', link.to_columns)}",
            *([status.join] if status.join else []),
            f"WHERE {_and(conditions)}",
        ]
    )


def _and(conditions: Sequence[str]) -> str:
    return "\n  AND ".join(conditions)


def _answers(column: LiveColumn) -> bool:
    return is_moment(column) and words.said(column.name, words.SIGNED) and not is_secret(column)


def _index(holder: LiveTable, column: LiveColumn, reading: Reading, notes: Notes) -> None:
    if column.type == "timestamp with time zone":
        if not any(one.columns[:1] == (column.name,) for one in holder.indexes):
            notes.want(MissingIndex(holder, plain(column.name), WHY))
    elif holder.rows > SLOW_ROWS:
        expression = reading.deadline("", column).removeprefix(".").replace("CAST(.", "CAST(")
        notes.want(MissingIndex(holder, f"({expression})", WHY))
