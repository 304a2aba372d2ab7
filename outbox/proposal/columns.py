"""What single columns are: secrets, bookkeeping, flags, moments, JSON in text; and how a query reads them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outbox.capture_sql import literal
from outbox.proposal import words
from outbox.proposal.facts import LiveColumn, LiveTable, Survey, column_sql, plain

IS_JSON_SINCE = 160_000
MOMENTS = ("timestamp with time zone", "timestamp without time zone", "date")
TEXTS = ("text", "character varying", "character")
NUMBERS = ("smallint", "integer", "bigint")
UNREPORTED = ("bytea", "tsvector", "tsquery", "xid", "oid")
SAMPLED_JSON = 3
"""So many values, all JSON objects or lists, make a text column one that holds JSON."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How columns are read: by which server, and in which zone moments without one are meant."""

    survey: Survey
    zone: str

    def sql(self, table: LiveTable, alias: str, column: LiveColumn) -> str:
        """The column as a report wants it: moments in a zone, JSON as JSON."""
        written = column_sql(alias, column.name)
        if column.type == "timestamp without time zone":
            return f"{written} AT TIME ZONE {literal(self.zone)}"
        if self.survey.version >= IS_JSON_SINCE and holds_json(self.survey, table, column):
            return f"CASE WHEN {written} IS JSON THEN CAST({written} AS jsonb) ELSE to_jsonb({written}) END"
        return written

    def deadline(self, alias: str, column: LiveColumn) -> str:
        """The moment at which time is up: of a date, the end of that day."""
        written = column_sql(alias, column.name)
        if column.type == "date":
            return f"CAST({written} + 1 AS timestamp) AT TIME ZONE {literal(self.zone)}"
        return (
            f"{written} AT TIME ZONE {literal(self.zone)}" if column.type == "timestamp without time zone" else written
        )


def is_moment(column: LiveColumn) -> bool:
    """Whether it holds a date or a time."""
    return column.type in MOMENTS


def is_secret(column: LiveColumn) -> bool:
    """Whether its name speaks of what nobody else may know; a moment or a flag about it is none."""
    return words.speaks_of(column.name, words.NEVER) and not is_moment(column) and column.type != "boolean"


def is_bookkeeping(column: LiveColumn) -> bool:
    """Whether its change says nothing about the contract: touched, viewed, counted."""
    return column.type == "tsvector" or words.said(column.name, words.IGNORED)


def holds_json(survey: Survey, table: LiveTable, column: LiveColumn) -> bool:
    """Whether a text column's sampled values all are JSON objects or lists."""
    values = survey.samples.get((table.oid, column.name), ()) if column.type in TEXTS else ()
    return len(values) >= SAMPLED_JSON and all(map(_is_structure, values))


def _is_structure(value: str) -> bool:
    try:
        return value.lstrip()[:1] in ("{", "[") and json.loads(value) is not None
    except ValueError:
        return False


def reported(table: LiveTable, without: Sequence[str] = ()) -> Iterator[LiveColumn]:
    """The columns that a report may show, in their order."""
    for one in table.columns:
        hidden = is_secret(one) or is_bookkeeping(one) or one.type in UNREPORTED
        if one.name not in without and not hidden:
            yield one


def filters(table: LiveTable, alias: str) -> list[tuple[str, str]]:
    """Conditions that leave out templates and what is deleted, each with its reason."""
    found = []
    for one in table.columns:
        written = column_sql(alias, one.name)
        if one.type == "boolean" and words.said(one.name, words.TEMPLATE):
            found.append((f"{written} IS NOT TRUE", f"{one.name} reads like a flag for templates"))
        elif one.type == "boolean" and words.said(one.name, words.DELETED):
            found.append((f"{written} IS NOT TRUE", f"{one.name} reads like soft deletion"))
        elif is_moment(one) and words.said(one.name, words.DELETED):
            found.append((f"{written} IS NULL", f"{one.name} reads like soft deletion"))
    return found


def label(table: LiveTable) -> LiveColumn | None:
    """The column that people call a row by."""
    texts = [one for one in table.columns if one.type in TEXTS and not is_secret(one)]
    named = [one for one in texts if words.score(one.name, words.LABEL) > 0]
    best = max(named, key=lambda one: words.score(one.name, words.LABEL), default=None)
    return best or next((one for one in texts if one.name not in table.primary_key), None)


def happened(table: LiveTable) -> LiveColumn | None:
    """The moment at which a row of a log was written."""
    moments = [one for one in table.columns if is_moment(one)]
    made = [one for one in moments if words.said(one.name, words.MADE)]
    return next(iter(made or moments), None)


def listed(names: Sequence[str]) -> str:
    """Names as an SQL list of columns."""
    return ", ".join(plain(name) for name in names)
