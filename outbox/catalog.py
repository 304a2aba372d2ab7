"""Reads the live catalogue: tables, what a piece of SQL returns, reads and costs. Leaves nothing behind."""

# ruff: noqa: S608 (this module asks PostgreSQL about the mapping's own SQL)

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import ExecStatus
from sqlalchemy import Connection

from outbox.capture_facts import SLOW_ROWS, Column, Table
from outbox.db import first_line
from outbox.explained import nodes, reads_whole
from outbox.lack import Lack, refused_object
from outbox.resources import query

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A relation as it was found, with what decides whether rules may stand on it, and what this role lacks for it."""

    table: Table
    is_partition: bool
    is_temporary: bool
    has_children: bool
    no_entry: Lack | None
    no_trigger: Lack | None
    partition_key: tuple[str, ...]
    unique_columns: tuple[str, ...]
    earlier_triggers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column that a query returns; `table` and `number` say where it comes from, 0 where it is computed."""

    name: str
    type: str
    table: int
    number: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What PostgreSQL expects of one lookup; `slow` names the tables that it would read whole.

    `reads` is False where it looks nothing up: the changed row tells all.
    """

    what: str
    cost: float
    rows: float
    indexes: tuple[str, ...]
    slow: tuple[str, ...]
    reads: bool


class SqlFaultError(Exception):
    """PostgreSQL's words about a piece of the mapping's SQL; where there is a `lack`, a right is missing, not sense."""

    def __init__(self, words: str, lack: Lack | None = None) -> None:
        super().__init__(words)
        self.lack = lack


class Catalog:
    """A connection's view of the catalogue; every question is asked under a savepoint of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def raw(self) -> "psycopg.Connection[Any]":
        """The driver's connection: SQL passes as it stands, so that colons and percent signs mean nothing."""
        connection = self._connection.connection.driver_connection
        if not isinstance(connection, psycopg.Connection):
            raise TypeError(f"expected a psycopg connection, got {type(connection).__name__}")
        return connection

    @contextmanager
    def trial(self) -> Iterator["psycopg.Cursor[Any]"]:
        """A cursor whose work is undone at the end; a failing statement becomes SqlFaultError."""
        with self.raw.cursor() as cursor:
            cursor.execute("SAVEPOINT outbox_trial")
            try:
                yield cursor
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                raise
            except psycopg.Error as error:
                words = first_line(error) or repr(error)
                lack = None
                if isinstance(error, psycopg.errors.InsufficientPrivilege):
                    cursor.execute("ROLLBACK TO SAVEPOINT outbox_trial")
                    lack = self.lack(words)
                raise SqlFaultError(words, lack) from error
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT outbox_trial; RELEASE SAVEPOINT outbox_trial")

    def search_path(self) -> tuple[str, ...]:
        """The schemas that unqualified names of this session are looked up in."""
        with self.raw.cursor() as cursor:
            row = cursor.execute("SELECT CAST(current_schemas(false) AS text[])").fetchone()
        return tuple(row[0]) if row else ()

    def setting(self, name: str) -> str:
        """A setting's value."""
        with self.raw.cursor() as cursor:
            row = cursor.execute("SELECT current_setting(%s)", (name,)).fetchone()
        return str(row[0]) if row else ""

    def public_schemas(self, names: Sequence[str]) -> list[str]:
        """Those of the schemas in which everybody may create objects."""
        with self.raw.cursor() as cursor:
            rows = cursor.execute(
                "SELECT n FROM unnest(CAST(%s AS text[])) AS n WHERE has_schema_privilege('public', n, 'CREATE')",
                (list(names),),
            ).fetchall()
        return [row[0] for row in rows]

    def find(self, written: str) -> FoundTable | None:
        """The relation of that name as SQL reads it, or None; found too where this role may not use its schema."""
        try:
            with self.trial() as cursor:
                row = cursor.execute("SELECT CAST(to_regclass(%s) AS oid)", (written,)).fetchone()
        except SqlFaultError as error:
            if error.lack is None:
                return None
            row = self._connection.execute(query("catalog_named"), {"written": written}).one_or_none()
        return self.table(row[0]) if row and row[0] is not None else None

    def lack(self, words: str, role: str | None = None) -> Lack:
        """What PostgreSQL's words of a refusal mean, for who asks or for the role that was refused."""
        kind, name = refused_object(words)
        asked = {"role": role, "kind": kind, "name": name}
        row = self._connection.execute(query("catalog_refused"), asked).one()
        return Lack.read(row.role, words, row.name)

    def table(self, oid: int) -> FoundTable | None:
        """The relation with that number, or None."""
        row = self._connection.execute(query("catalog_table"), {"oid": oid}).one_or_none()
        if row is None:
            return None
        primary, partition = tuple(row.primary_key or ()), tuple(row.partition_key or ())
        columns = tuple(
            Column(number=one.number, name=one.name, type=one.plain_type, exact=bool(one.exact), stored=one.stored)
            for one in self._connection.execute(query("catalog_columns"), {"oid": oid})
        )
        table = Table(
            oid=row.oid,
            schema=row.schema,
            name=row.name,
            sql=row.sql,
            kind=row.kind,
            columns=columns,
            primary_key=primary,
            identity=tuple(name for name in primary if name not in partition) if row.kind == "p" else primary,
        )
        return FoundTable(
            table=table,
            is_partition=row.is_partition,
            is_temporary=row.is_temporary,
            has_children=row.has_children,
            no_entry=None if row.may_enter else Lack.of(row.role, "USAGE", "schema", row.quoted_schema),
            no_trigger=None if row.may_trigger else Lack.of(row.role, "TRIGGER", "table", row.sql),
            partition_key=partition,
            unique_columns=tuple(row.unique_columns or ()),
            earlier_triggers=tuple(row.earlier_triggers or ()),
        )

    def tables(self) -> list[str]:
        """Every table's name, for suggestions."""
        with self.raw.cursor() as cursor:
            rows = cursor.execute(
                "SELECT format('%I.%I', n.nspname, c.relname)"
                " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'outbox')"
                " AND n.nspname NOT LIKE 'pg\\_t%' ORDER BY 1"
            ).fetchall()
        return [row[0] for row in rows]

    def describe(self, sql: str) -> list[ResultColumn]:
        """The columns that a query returns; raises SqlFaultError where it can't run."""
        with self.trial() as cursor:
            result = cursor.execute(f"SELECT * FROM (\n{sql}\n) AS described LIMIT 0".encode()).pgresult
            if result is None or result.status != ExecStatus.TUPLES_OK:
                return []
            found = [
                ((result.fname(at) or b"").decode(), result.ftype(at), result.ftable(at), result.ftablecol(at))
                for at in range(result.nfields)
            ]
            types = self._type_names(cursor, [one[1] for one in found])
        return [ResultColumn(name, types[oid], table, number) for name, oid, table, number in found]

    def _type_names(self, cursor: "psycopg.Cursor[Any]", oids: list[int]) -> dict[int, str]:
        rows = cursor.execute("SELECT t, format_type(t, NULL) FROM unnest(CAST(%s AS oid[])) AS t", (oids,)).fetchall()
        return {row[0]: row[1] for row in rows}

    def check(self, sql: str) -> None:
        """Parses and plans a statement; raises SqlFaultError."""
        with self.trial() as cursor:
            cursor.execute(f"EXPLAIN {sql}".encode())

    def columns_read(self, sql: str) -> frozenset[tuple[int, int]]:
        """Which columns (table, number) a query reads, by what PostgreSQL records for a view of it."""
        with self.trial() as cursor:
            cursor.execute(f"CREATE TEMPORARY VIEW outbox_inspection AS\n{sql}".encode())
            rows = self._connection.execute(query("catalog_depends")).all()
        return frozenset((row.oid, row.number) for row in rows)

    def rows(self, sql: str, *, seconds: int) -> list[Sequence[Any]]:
        """A query's rows, or SqlFaultError, also where they take longer."""
        with self.trial() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {seconds * 1000}".encode())
            return list(cursor.execute(sql.encode()).fetchall())

    def count(self, sql: str, *, types: Sequence[str], values: Sequence[str], seconds: int) -> int:
        """How many rows a query has for these values of its parameters, as SQL; SqlFaultError where it takes longer."""
        name = f"outbox_inspected_{next(_numbers)}"
        with self.trial() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {seconds * 1000}".encode())
            counting = f"SELECT count(*) FROM (\n{sql}\n) AS counted"
            cursor.execute(f"PREPARE {name} ({', '.join(types)}) AS {counting}".encode())
            row = cursor.execute(f"EXECUTE {name} ({', '.join(values)})".encode()).fetchone()
            cursor.execute(f"DEALLOCATE {name}".encode())
        return int(row[0]) if row else 0

    def cost(self, what: str, sql: str, *, types: Sequence[str], values: Sequence[str] = ()) -> Cost:
        """The plan of a lookup for these values of its parameters, as SQL; without them, for any."""
        name = f"outbox_inspected_{next(_numbers)}"
        given = ", ".join(values or ("NULL" for _ in types))
        with self.trial() as cursor:
            cursor.execute(f"SET LOCAL plan_cache_mode = force_{'custom' if values else 'generic'}_plan".encode())
            cursor.execute(f"PREPARE {name} ({', '.join(types)}) AS {sql}".encode())
            row = cursor.execute(f"EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE {name} ({given})".encode()).fetchone()
            cursor.execute(f"DEALLOCATE {name}".encode())
            plan: dict[str, Any] = row[0][0]["Plan"] if row else {}
            whole = sorted({(one["Schema"], one["Relation Name"]) for one in nodes(plan) if reads_whole(one)})
            large = [f"{one[0]}.{one[1]}" for one in whole if self._rows_of(cursor, *one) > SLOW_ROWS]
        indexes = tuple(sorted({one["Index Name"] for one in nodes(plan) if "Index Name" in one}))
        reads = any("Relation Name" in one for one in nodes(plan))
        return Cost(what, plan["Total Cost"], plan["Plan Rows"], indexes, tuple(large), reads)

    def knows_zone(self, name: str) -> bool:
        """Whether the server has a time zone of that name."""
        try:
            with self.trial() as cursor:
                cursor.execute("SELECT now() AT TIME ZONE %s", (name,))
        except SqlFaultError:
            return False
        return True

    def origin(self, sql: str, column: str) -> tuple[str, str] | None:
        """The one table, and the column or expression over it, that a query's column is; None where it is more."""
        with self.trial() as cursor:
            row = cursor.execute(
                f"EXPLAIN (FORMAT JSON, VERBOSE) SELECT described.{column} FROM (\n{sql}\n) AS described".encode()
            ).fetchone()
        plan: dict[str, Any] = row[0][0]["Plan"] if row else {}
        told = str(plan.get("Output", [""])[0])
        named = [one for one in nodes(plan) if "Alias" in one and re.search(_prefix(one["Alias"]), told)]
        if len(named) != 1 or "SubPlan" in told or "Relation Name" not in named[0]:
            return None
        found = self.find(f'"{named[0]["Schema"]}"."{named[0]["Relation Name"]}"')
        expression = re.sub(_prefix(named[0]["Alias"]), "", told)
        return (found.table.sql, _without_parentheses(expression)) if found else None

    def _rows_of(self, cursor: "psycopg.Cursor[Any]", schema: str, name: str) -> float:
        row = cursor.execute(
            "SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples ELSE pg_relation_size(c.oid) / 100 END"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
            (schema, name),
        ).fetchone()
        return float(row[0]) if row else 0.0


def _prefix(alias: str) -> str:
    return rf'(?<![\w."]){re.escape(alias)}\.'


def _without_parentheses(expression: str) -> str:
    """`(a + b)` without what stands around the whole."""
    depth = 0
    for place, letter in enumerate(expression):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0 and place < len(expression) - 1:
            return expression
    return expression[1:-1] if expression.startswith("(") else expression
