"""A plan as EXPLAIN (FORMAT JSON) tells it."""

import re
from collections.abc import Iterator
from typing import Any


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan's top node and every one below it."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def reads_whole(node: dict[str, Any]) -> bool:
    """A sequential scan, or an index walked from end to end."""
    if "Relation Name" not in node or not re.search("Scan$", node["Node Type"]):
        return False
    return node["Node Type"] == "Seq Scan" or (node["Node Type"].startswith("Index") and "Index Cond" not in node)
