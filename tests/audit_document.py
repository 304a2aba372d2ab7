"""Writes what docs/audit.md says of each view, and the promise of its columns, from the database: `make schema`.

The promise only grows: a column may be added at the end of a view, and a view beside the others. Nothing is taken
away, renamed, moved, or given another type; whoever must, removes lines of the file by hand, and answers for it.
"""

from pathlib import Path

from psycopg.rows import dict_row
from sqlalchemy import create_engine

from outbox.embedded import binaries
from outbox.migrations import migrate
from tests.conftest import Database
from tests.factories import Connection, connect
from tests.postgres import DEFAULT_VERSION, Server

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "audit.md"
PROMISE = ROOT / "tests" / "audit_columns.txt"
MARK = "<!-- From here on `make schema` writes, from the COMMENTs in sql/audit/. -->\n"

_COLUMNS = """
  SELECT c.relname AS view, obj_description(c.oid, 'pg_class') AS view_words, a.attname AS name,
         format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS words
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE c.relnamespace = 'outbox_audit'::regnamespace AND c.relkind = 'v'
  ORDER BY c.relname, a.attnum
"""
_FUNCTIONS = """
  SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')' AS name, pg_get_function_result(p.oid) AS type,
         obj_description(p.oid, 'pg_proc') AS words
  FROM pg_proc p WHERE p.pronamespace = 'outbox_audit'::regnamespace ORDER BY 1
"""


def columns(connection: Connection) -> list[dict[str, str | None]]:
    """Every column of every view, in order: view, view_words, name, type, words."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_COLUMNS).fetchall()


def functions(connection: Connection) -> list[dict[str, str | None]]:
    """Every function: name with arguments, type of its result, words."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_FUNCTIONS).fetchall()


def promised(found: list[dict[str, str | None]]) -> list[str]:
    """The promise, a line a column: view, name, type."""
    return [f"{one['view']}.{one['name']} {one['type']}" for one in found]


def broken(before: list[str], now: list[str]) -> list[str]:
    """Lines of the promise that are not kept: columns gone, moved or of another type."""

    def by_view(lines: list[str]) -> dict[str, list[str]]:
        views: dict[str, list[str]] = {}
        for line in lines:
            views.setdefault(line.split(".")[0], []).append(line)
        return views

    standing = by_view(now)
    return [
        line
        for view, lines in by_view(before).items()
        for place, line in enumerate(lines)
        if standing.get(view, [])[place : place + 1] != [line]
    ]


def document(connection: Connection) -> str:
    """The part of docs/audit.md that tells each view and function."""
    parts: list[str] = []
    view = None
    for one in columns(connection):
        if one["view"] != view:
            view = one["view"]
            parts += ["", f"## {view}", "", *_lines(one["view_words"]), "", "| column | type | what |", "|---|---|---|"]
        parts.append(f"| `{one['name']}` | {one['type']} | {_cell(one['words'])} |")
    parts += ["", "## Functions", ""]
    for one in functions(connection):
        parts += [f"`{one['name']}` returns {one['type']}", "", *_lines(one["words"]), ""]
    return "\n".join(parts).strip() + "\n"


def _lines(words: str | None) -> list[str]:
    """A comment's lines, each a paragraph of its own."""
    lines = (words or "").splitlines()
    return [part for line in lines for part in (line, "")][:-1]


def _cell(words: str | None) -> str:
    return (words or "").replace("|", "\\|").replace("*", "\\*").replace("\n", " ")


def main() -> None:
    """Migrates an empty database and writes both files; refuses where the promise would be broken."""
    with Server(binaries(DEFAULT_VERSION)) as server:
        engine = create_engine(server.sqlalchemy_url())
        migrate(engine)
        engine.dispose()
        with connect(Database(server, "test")) as connection:
            now = promised(columns(connection))
            if gone := broken(PROMISE.read_text(encoding="utf-8").splitlines(), now):
                raise SystemExit("expected columns to be added at the end of a view only, got: " + ", ".join(gone))
            PROMISE.write_text("\n".join(now) + "\n", encoding="utf-8")
            written = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0]
            DOCUMENT.write_text(written + MARK + "\n" + document(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
