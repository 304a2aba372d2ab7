"""The named questions for people on pages: which one may ask, and an answer within limits of rows, size and time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox.access import Within
from outbox.answers import written as written_out
from outbox.errors import RefusedError
from outbox.questions import Answer, answer
from outbox.questions.declaration import NamedQuestion
from outbox.questions.library import Shelved, shelf
from outbox.questions.reading import Answered, Asked, Rows, read_only
from outbox.questions.values import UNSCOPED, values_of
from outbox.resources import query

MOST_ROWS, MOST_CHARACTERS = 200, 40_000
"""Of an answer on a page: what a person reads, and what stays a small page."""
LONGEST_CELL = 400
"""Longer texts are cut on a page; a download has all of them."""
MOST_CHOICES = 200
_OUT_OF_TIME = "57014"


@dataclass(frozen=True, slots=True)
class Offered:
    """A question as one person finds it; with a `refusal` they can't ask it."""

    shelved: Shelved
    refusal: str | None

    @property
    def question(self) -> NamedQuestion | None:
        """The question; None where its file can't be read."""
        return self.shelved.question


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of an answer; `more` says that there are others."""

    columns: tuple[str, ...]
    rows: Sequence[Answered]
    more: bool


def offered(configuration: Path, *, within: Within) -> dict[str, Offered]:
    """Every question by its name."""
    return {name: Offered(one, _refusal(one, within)) for name, one in shelf(configuration).items()}


def _refusal(one: Shelved, within: Within) -> str | None:
    if one.question is None:
        return "; ".join(one.faults)
    if within is not None and not one.question.scoped:
        return UNSCOPED.format(name=one.name)
    return None


def connector_choices(connection: Connection, *, within: Within) -> list[str]:
    """Names of connectors to ask about, removed ones too; of very many the first."""
    asked = {"within": None if within is None else list(within), "most": MOST_CHOICES}
    return list(connection.execute(query("ask_connector_choices"), asked).scalars())


@contextmanager
def answering(
    engine: Engine,
    shelved: Shelved,
    written: Mapping[str, str | bool | None],
    *,
    within: Within,
    seconds: float,
    max_bytes: int,
) -> Iterator[Answer]:
    """The answer, whose rows come while the transaction lasts; each statement of it has so many seconds.

    Raises ConfigurationError with every fault, and RefusedError for what may not be asked or takes too long.
    """
    question = shelved.question
    if question is None:
        raise RefusedError("; ".join(shelved.faults))
    try:
        with read_only(engine, seconds=seconds) as reading:
            values = values_of(reading.connection, question, written, within=within)
            yield answer(shelved, Asked(reading, question.statement, values, max_bytes))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _OUT_OF_TIME:
            raise RefusedError(f"the database had no answer within {seconds:g} s; narrow the question") from None
        if shelved.own and getattr(error.orig, "sqlstate", None) is not None:
            raise RefusedError(f"question {shelved.name}: the database answered: {error.orig}") from None
        raise


def head_of(rows: Rows) -> Head:
    """The first rows, as many as a page has room for."""
    columns = tuple(name for name in rows.columns if name not in rows.only_exported)
    taken: list[Answered] = []
    room = MOST_CHARACTERS
    for row in rows.rows:
        if len(taken) == MOST_ROWS or room <= 0:
            return Head(columns, taken, more=True)
        taken.append(row)
        room -= sum(min(len(written_out(row[name])), LONGEST_CELL) for name in columns)
    return Head(columns, taken, more=False)
