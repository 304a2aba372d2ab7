"""Where a contract's status stands, and which of its values leave a contract open."""

from dataclasses import dataclass

from outbox.capture_facts import SLOW_ROWS
from outbox.capture_sql import literal
from outbox.proposal import words
from outbox.proposal.choice import REFUSED, MissingIndex, Notes, Sureness
from outbox.proposal.columns import NUMBERS, TEXTS, happened, label, listed
from outbox.proposal.facts import Link, LiveColumn, LiveTable, Survey, column_sql, plain
from outbox.proposal.links import Joins, children, matched

MOST_VALUES = 50
LEAST_FIT = 4.5
RATHER = 0.5
"""Of the values known, the share that must be words of a status to be more than a guess."""


@dataclass(frozen=True, slots=True)
class Status:
    """The SQL of a status: in the contract's own `column`, in a child's `log`, or in a lookup (`join`)."""

    sql: str
    values: tuple[str, ...]
    column: LiveColumn | None = None
    log: tuple[LiveTable, Link, LiveColumn] | None = None
    join: str | None = None


def is_open(value: str) -> bool | None:
    """Whether a contract in this status waits for something; None where the word tells nothing."""
    spoken = words.tokens(value)
    if "".join(spoken) in words.OPEN_STATUS:
        return True
    if "".join(spoken) in words.CLOSED_STATUS:
        return False
    if set(spoken) & {"not", "un", "nicht", "partially", "partly", "teilweise"}:
        return None
    if set(spoken) & words.CLOSED_STATUS:
        return False
    return True if set(spoken) & words.OPEN_STATUS else None


def status_column(survey: Survey, table: LiveTable) -> tuple[LiveColumn, float] | None:
    """The column that reads most like a status, and how well it fits."""
    fits = [(one, _fit(survey, table, one)) for one in table.columns]
    best = max(fits, key=lambda pair: pair[1], default=None)
    return best if best is not None and best[1] >= LEAST_FIT else None


def _fit(survey: Survey, table: LiveTable, column: LiveColumn) -> float:
    if not (column.labels or column.type in (*TEXTS, *NUMBERS)) or column.name in table.primary_key:
        return 0.0
    name = words.score(column.name, words.STATUS)
    many = column.distinct is not None and (column.distinct > MOST_VALUES or column.distinct < -RATHER)
    if not name or (many and table.rows > MOST_VALUES):
        return 0.0
    own = {words.stem(column.name).removeprefix(words.stem(table.name)), words.stem(column.name)}
    values = survey.values(table, column)
    known = sum(is_open(value) is not None for value in values) / len(values) if values else 0.0
    told = known if values and column.type not in NUMBERS else RATHER
    return name * (0.6 + 0.4 * told) * (1.0 if own & dict(words.STATUS).keys() else 0.8)


def find_status(survey: Survey, table: LiveTable, joins: Joins, notes: Notes) -> Status:
    """The status: in the contract's row, by its lookup table, in the newest row of a log; else not known."""
    found = status_column(survey, table)
    if found is not None:
        column, fit = found
        link = next((one for one in survey.links_from(table.oid) if one.columns == (column.name,)), None)
        if link is not None and label(survey.tables[link.to_table]) is not None:
            return _looked_up(survey, link, joins, notes)
        return _own(survey, table, column, fit, notes)
    logs = [
        (child, link, known[0])
        for child, link in children(survey, table)
        if (known := status_column(survey, child)) and happened(child)
        if words.score(child.name, words.LOG) > 0 or words.score(child.name, words.STATUS) > 0
    ]
    if logs:
        return _logged(survey, logs[0], joins, notes)
    notes.choose("status", "NULL", Sureness.UNKNOWN, "no column, lookup or log reads like a status")
    notes.ask("What is a contract's status? Write it into contract.query AS status; until then reports carry null.")
    return Status("CAST(NULL AS text)", ())


def _own(survey: Survey, table: LiveTable, column: LiveColumn, fit: float, notes: Notes) -> Status:
    values = survey.values(table, column)
    known = [value for value in values if is_open(value) is not None]
    sure = Sureness.SURE if fit >= 9 else Sureness.LIKELY  # noqa: PLR2004 (of 10)
    if values and len(known) < RATHER * len(values):
        sure = Sureness.GUESS
    shown = f"{len(values)} values: {_shown(values)}" if values else "its values could not be read"
    notes.choose("status", f"{table.sql}.{plain(column.name)}", sure, f"called {column.name}; {shown}")
    return Status(column_sql("c", column.name), values, column=column)


def _looked_up(survey: Survey, link: Link, joins: Joins, notes: Notes) -> Status:
    other = survey.tables[link.to_table]
    called = label(other)
    if called is None:
        raise ValueError(f"expected {other.sql} to have a label")
    alias, _ = joins.reach((link,))
    join = next(line for line in joins.lines if f" {alias} ON " in line)
    values = survey.values(other, called)
    why = f"{link.columns[0]} names a row of {other.sql}; values: {_shown(values)}"
    notes.choose("status", f"{other.sql}.{plain(called.name)}", Sureness.LIKELY, why)
    return Status(column_sql(alias, called.name), values, join=join)


def _logged(survey: Survey, log: tuple[LiveTable, Link, LiveColumn], joins: Joins, notes: Notes) -> Status:
    child, link, column = log
    moment = happened(child)
    if moment is None:
        raise ValueError(f"expected {child.sql} to have a moment")
    alias = joins.aliases.of(child.name)
    order = ", ".join(
        f"{column_sql(alias, name)} DESC" for name in dict.fromkeys((moment.name, *child.primary_key[-1:]))
    )
    sql = (
        f"(SELECT {column_sql(alias, column.name)} FROM {child.sql} {alias}\n"  # noqa: S608 (a text for people)
        f" WHERE {matched(alias, link.columns, 'c', link.to_columns)} ORDER BY {order} LIMIT 1)"
    )
    values = survey.values(child, column)
    why = f"the contract's table has none; {child.sql} reads like its log; values: {_shown(values)}"
    notes.choose("status", f"newest {child.sql}.{plain(column.name)}", Sureness.LIKELY, why)
    if not child.led_by(link.columns):
        without = REFUSED if child.rows > SLOW_ROWS else ""
        notes.want(MissingIndex(child, listed([*link.columns, moment.name]), "finds a contract's status", without))
    return Status(sql, values, log=log)


def _shown(values: tuple[str, ...]) -> str:
    more = f" and {len(values) - 8} more" if len(values) > 8 else ""  # noqa: PLR2004 (what fits a line)
    return (", ".join(values[:8]) + more) or "not known"


def open_condition(status: Status, written: str, notes: Notes) -> str | None:
    """Which contracts are open, over the status as `written`; None where no value is known to be."""
    opened = [value for value in status.values if is_open(value)]
    unknown = [value for value in status.values if is_open(value) is None]
    if not opened:
        if status.values:
            notes.ask(f"Which of these leave a contract open, so that it can expire: {_shown(status.values)}?")
        return None
    if unknown:
        notes.ask(f"Is a contract still open, and can expire, in status {_shown(tuple(unknown))}? Taken as: no.")
    return f"{written} IN ({', '.join(literal(value) for value in opened)})"
