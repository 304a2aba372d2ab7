"""Pieces of SQL text: names, strings, arrays, and the fragments that capture functions share."""

# ruff: noqa: S608 (this module writes SQL for a reviewed script; every name and string in it is quoted here)

import json
from collections.abc import Sequence

from outbox.mapping import Rule, is_query


def quote(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted string, whatever standard_conforming_strings says."""
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def names_array(names: Sequence[str], of: str) -> str:
    """A literal array."""
    return f"ARRAY[{', '.join(literal(name) for name in names)}]::{of}[]"


def dollars(body: str) -> str:
    """A dollar quote that the body does not contain."""
    tag, n = "$outbox$", 0
    while tag in body:
        n += 1
        tag = f"$outbox{n}$"
    return tag


def contract_query(rule: Rule, key_type: str) -> str:
    """The rule's contracts as a query of one text column, each in the key's own spelling."""
    if is_query(rule.contract):
        return f"SELECT CAST(CAST(given.id AS {key_type}) AS text) FROM ({rule.contract}\n) AS given (id)"
    return f"SELECT CAST(CAST(({rule.contract}\n) AS {key_type}) AS text)"


def never_path(never: Sequence[str]) -> str:
    """A jsonpath that finds any of these keys at any depth."""
    keys = " || ".join(f"exists (@.{json.dumps(name)})" for name in never)
    return f"$.** ? ({keys})"


def stripped(sql: str, never: Sequence[str]) -> str:
    """The jsonb expression without `never` columns; the walk through all depths only where one is found.

    OFFSET 0 keeps the planner from writing the expression, a document with its joins, wherever it is used.
    """
    if not never:
        return sql
    array = names_array(never, "text")
    return (
        f"(SELECT CASE WHEN jsonb_path_exists(kept.whole, {literal(never_path(never))})"
        f" THEN outbox.without(kept.whole, {array}) ELSE kept.whole END FROM (SELECT {sql} AS whole OFFSET 0) AS kept)"
    )


def settings_clause(search_path: Sequence[str], *, lock_timeout: bool, replan: bool = False) -> str:
    """What every generated function runs under, whatever the application's session has set.

    The mapping's SQL sees the search path of the session that installed it, temporary tables last.
    """
    path = ", ".join([*(quote(one) for one in search_path if one != "pg_temp"), "pg_temp"])
    settings = [
        f"search_path = {path}",
        "timezone = 'UTC'",
        "datestyle = 'ISO, YMD'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = 1",
        "bytea_output = 'hex'",
        "row_security = off",
        "jit = off",
    ]
    # A lookup's plan for any ids is the one that install has measured; left to itself the server plans each call anew.
    # A scan is planned anew each time: of a minute, or of all.
    plan = "force_custom_plan" if replan else "force_generic_plan"
    settings.append("lock_timeout = '200ms'" if lock_timeout else f"plan_cache_mode = {plan}")
    return "\n".join(f"SET {one}" for one in settings)
