"""The promise of outbox_audit: every column explained, documented and kept."""

import pytest

from tests.audit_document import DOCUMENT, MARK, PROMISE, broken, columns, document, functions, promised
from tests.conftest import Database
from tests.factories import connect

MINE = "run `make schema` and read its diff"


def test_every_view_column_and_function_explains_itself(database: Database) -> None:
    """Each has a comment, which psql shows and docs/audit.md is made of."""
    with connect(database) as connection:
        found = columns(connection)
        told = functions(connection)

    assert [f"{one['view']}.{one['name']}" for one in found if not one["words"] or not one["view_words"]] == []
    assert [one["name"] for one in told if not one["words"]] == []


def test_columns_are_added_at_the_end_and_none_is_taken_away(database: Database) -> None:
    """The promise stands in a file: what it names is there, in its order and of its type; what is new is written in."""
    with connect(database) as connection:
        now = promised(columns(connection))
    before = PROMISE.read_text(encoding="utf-8").splitlines()

    assert broken(before, now) == [], "columns of outbox_audit stay as they are: add at the end of a view"
    assert sorted(now) == sorted(before), f"tests/audit_columns.txt lacks a column: {MINE}"


def test_the_document_says_what_the_comments_say(database: Database) -> None:
    """docs/audit.md can't drift from the database."""
    with connect(database) as connection:
        made = document(connection)

    assert DOCUMENT.read_text(encoding="utf-8").partition(MARK)[2].strip() == made.strip(), f"docs/audit.md: {MINE}"


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        (["a.x text", "a.y date"], []),
        (["a.x text", "a.y date", "a.z text", "b.x text"], []),
        (["a.y date"], ["a.x text", "a.y date"]),
        (["a.x bytea", "a.y date"], ["a.x text"]),
        (["a.x text", "a.z text", "a.y date"], ["a.y date"]),
        (["b.x text"], ["a.x text", "a.y date"]),
    ],
)
def test_a_broken_promise_is_found(now: list[str], gone: list[str]) -> None:
    """A column that is gone, moved, of another type or behind a new one; more at the end breaks nothing."""
    assert broken(["a.x text", "a.y date"], now) == gone
