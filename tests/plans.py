"""What a statement did, as EXPLAIN tells it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql

TABLES = ("queue", "inbox", "event", "delivery", "attempt", "decision")


@dataclass(frozen=True)
class Plan:
    """What a statement did: the nodes of its plan, and the pages it touched."""

    nodes: tuple[dict[str, Any], ...]
    pages: int

    @classmethod
    def read(cls, explained: list[dict[str, Any]]) -> Self:
        """From EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)."""
        top = explained[0]["Plan"]
        return cls(tuple(_nodes(top)), top["Shared Hit Blocks"] + top["Shared Read Blocks"])

    @property
    def whole_tables(self) -> set[str]:
        """Our tables that were read from end to end."""
        read = {str(node.get("Relation Name")) for node in self.nodes if node["Node Type"] == "Seq Scan"}
        return {table for table in read if table.split("_")[0] in TABLES and self._big(table)}

    def _big(self, table: str) -> bool:
        """Empty partitions may be read as they like."""
        return any(node.get("Relation Name") == table and _rows(node) > 0 for node in self.nodes)

    @property
    def indexes(self) -> set[str]:
        """The indexes that were used."""
        return {str(node["Index Name"]) for node in self.nodes if "Index Name" in node}

    def rows(self, table: str) -> float:
        """How many rows of a table were looked at, kept or not."""
        return sum(
            _rows(node)
            for node in self.nodes
            if str(node.get("Relation Name", "")).split("_")[0] == table and "Scan" in node["Node Type"]
        )


def _rows(node: dict[str, Any]) -> float:
    each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(each * node["Actual Loops"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def explain(connection: "psycopg.Connection[Any]", statement: str, values: dict[str, Any], mode: str) -> Plan:
    """The plan of a statement of ours as it ran, prepared and planned so; nothing of what it did stays."""
    numbered = statement
    for place, name in enumerate(values, 1):
        numbered = numbered.replace(f"%({name})s", f"${place}")
    numbered = re.sub(r"--[^\n]*", "", numbered).replace("%%", "%")
    connection.execute("SAVEPOINT before")
    connection.execute(f"SET LOCAL plan_cache_mode = {mode}".encode())
    connection.execute(f"PREPARE looked_at AS {numbered}".encode())
    execute = sql.SQL("EXECUTE looked_at({})").format(sql.SQL(", ").join(map(sql.Literal, values.values())))
    row = connection.execute(sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {}").format(execute)).fetchone()
    connection.execute("DEALLOCATE looked_at")
    connection.execute("ROLLBACK TO before")
    assert row is not None
    return Plan.read(row[0])
