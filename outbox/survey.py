"""Reads what a database says of its tables, and a sample of values. Changes nothing, needs nothing of ours."""

# ruff: noqa: S608 (reads values of tables whose names are quoted)

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from outbox.capture_sql import quote
from outbox.catalog import Catalog, SqlFaultError
from outbox.db import server_version
from outbox.proposal.facts import Link, LiveColumn, LiveIndex, LiveTable, Samples, Survey
from outbox.resources import query

SECONDS = 30
SAMPLE_SECONDS = 5
SAMPLE_ROWS = 500
LONGEST_VALUE = 10_000


def survey(connection: Connection, schemas: Sequence[str] | None = None) -> Survey:
    """The tables of these schemas, or of all; the transaction is read only from here on."""
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{SECONDS}s'")
    connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
    found = connection.execute(query("survey_tables"), {"schemas": list(schemas) if schemas else None}).all()
    readable = [row for row in found if row.may_read]
    oids = {"oids": [row.oid for row in readable]}
    columns, indexes = defaultdict[int, list[LiveColumn]](list), defaultdict[int, list[LiveIndex]](list)
    for row in connection.execute(query("survey_columns"), oids):
        columns[row.oid].append(_column(row))
    for row in connection.execute(query("survey_indexes"), oids):
        whole_key = len(row.columns) == row.width
        indexes[row.oid].append(LiveIndex(tuple(row.columns), row.unique and whole_key, row.whole))
    links = connection.execute(query("survey_links"), oids).all()
    return Survey(
        tables={row.oid: _table(row, columns[row.oid], indexes[row.oid]) for row in readable},
        links=tuple(Link(row.table, tuple(row.columns), row.to_table, tuple(row.to_columns)) for row in links),
        version=server_version(connection),
        zone=connection.execute(query("survey_zone")).scalar_one_or_none(),
        unreadable=tuple(row.sql for row in found if not row.may_read),
    )


def _column(row: Any) -> LiveColumn:  # noqa: ANN401 (a row of survey_columns)
    return LiveColumn(
        name=row.name,
        type=row.type,
        not_null=row.not_null,
        labels=tuple(row.labels),
        checks=tuple(row.checks),
        distinct=row.distinct,
        frequent=tuple(row.frequent or ()),
        generated=row.generated,
    )


def _table(row: Any, columns: list[LiveColumn], indexes: list[LiveIndex]) -> LiveTable:  # noqa: ANN401 (a row of survey_tables)
    return LiveTable(
        oid=row.oid,
        schema=row.schema,
        name=row.name,
        sql=row.sql,
        rows=float(row.rows),
        columns=tuple(columns),
        primary_key=tuple(row.primary_key),
        partition_key=tuple(row.partition_key),
        indexes=tuple(indexes),
        partitioned=row.partitioned,
        analyzed=row.analyzed,
        comment=row.comment,
    )


def sampled(connection: Connection, found: Survey, wanted: Mapping[int, Sequence[str]]) -> Survey:
    """The survey with values of the newest rows; a table that can't be read in time has none."""
    catalog, samples = Catalog(connection), dict[tuple[int, str], tuple[str, ...]]()
    for oid, names in wanted.items():
        samples.update(_sample(catalog, found.tables[oid], names))
    return replace(found, samples=samples)


def _sample(catalog: Catalog, table: LiveTable, names: Sequence[str]) -> Samples:
    order = f" ORDER BY {quote(table.key[0])} DESC" if table.key and table.led_by(table.key[:1]) else ""
    shown = ", ".join(f"CAST({quote(name)} AS text)" for name in names)
    try:
        rows = catalog.rows(f"SELECT {shown} FROM {table.sql}{order} LIMIT {SAMPLE_ROWS}", seconds=SAMPLE_SECONDS)
    except SqlFaultError:
        return {}
    return {
        (table.oid, name): tuple(
            dict.fromkeys(row[at] for row in rows if row[at] is not None and len(row[at]) <= LONGEST_VALUE)
        )
        for at, name in enumerate(names)
    }
