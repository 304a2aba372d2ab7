"""Asks the database, and only asks: in a transaction that is read only, every statement of which has a time limit."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from psycopg.types.json import set_json_loads
from sqlalchemy import Connection, Engine, TextClause, text

from outbox import canonical
from outbox.errors import ConfigurationError
from outbox.questions.declaration import binds
from outbox.resources import query

FETCHED = 500
"""Rows that a cursor brings at once."""

Answered: TypeAlias = dict[str, Any]
"""One row of an answer: column -> value, each one that answers can be written with."""


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer of rows; the columns in `only_exported` are too long for a table."""

    columns: tuple[str, ...]
    rows: Iterable[Answered]
    only_exported: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that is a document, complete in itself."""

    html: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A connection that only reads, and what is to be closed before it: the cursors that bring answers."""

    connection: Connection
    opened: ExitStack


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its values, and where to ask it; `max_bytes` is the longest report that the service sends."""

    reading: Reading
    statement: str
    values: Mapping[str, Any]
    max_bytes: int

    @property
    def connection(self) -> Connection:
        """Where answerers ask what else they need."""
        return self.reading.connection

    def rows(self, **values: object) -> Rows:
        """The rows of its statement, with some values changed."""
        return _stream(self.reading, self.statement, {**self.values, **values})

    def row(self, **values: object) -> Answered:
        """The first of them, of a statement that always has one."""
        return next(iter(self.rows(**values).rows))


@contextmanager
def read_only(engine: Engine, *, seconds: float) -> Iterator[Reading]:
    """A transaction that writes nothing; JSON comes with every digit."""
    with engine.connect() as writable:
        connection = writable.execution_options(postgresql_readonly=True)
        set_json_loads(canonical.loads, connection.connection.driver_connection)
        connection.execute(query("ask_limits"), {"milliseconds": str(round(seconds * 1000))})
        with ExitStack() as opened:
            yield Reading(connection, opened)


def _stream(reading: Reading, statement: str, values: Mapping[str, object]) -> Rows:
    """The rows of a question's statement, brought by a cursor: so it is one statement, a SELECT, and as long as it is.

    Raises ConfigurationError for two columns of one name.
    """
    asked: TextClause = text(statement)
    given = {name: value for name, value in values.items() if name in binds(statement)}
    options = {"stream_results": True, "max_row_buffer": FETCHED}
    found = reading.opened.enter_context(reading.connection.execute(asked, given, execution_options=options))
    columns = tuple(found.keys())
    if len(set(columns)) < len(columns):
        twice = sorted({one for one in columns if columns.count(one) > 1})
        raise ConfigurationError(f"expected each column once, got {', '.join(twice)} again; name them with AS")
    return Rows(columns, ({name: _plain(value) for name, value in row._mapping.items()} for row in found))  # noqa: SLF001 (SQLAlchemy's public name for it)


def _plain(value: object) -> object:
    """The value as answers can be written with it: what JSON can't say becomes the text that people know."""
    match value:
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case date():
            return value if isinstance(value, datetime) and value.tzinfo is not None else value.isoformat()
        case memoryview():
            return bytes(value)
        case _:
            return value if _sayable(value) else str(value)


def _sayable(value: object) -> bool:
    """Whether it can be written as it is; NaN and infinities can't."""
    if isinstance(value, float | Decimal):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str | bytes)
