"""What changed under an installation: capture triggers gone or off, tables and columns changed, SQL broken."""

import json
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import Connection

from outbox.capture_sql import quote
from outbox.catalog import Catalog, SqlFaultError
from outbox.inspection_rules import RuleInspector
from outbox.inspection_words import in_words
from outbox.install import LOCKED, installed, live_objects
from outbox.mapping import Mapping
from outbox.model import Json
from outbox.plan import Installed, Live
from outbox.resources import query

REINSTALL = "run `outbox install` again"
_PATIENCE_SECONDS = 5
MEND_MAPPING = "mend source.toml, `outbox install`, then `outbox recapture`"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what was installed and what stands; a fault loses changes, a warning may soon."""

    level: Literal["fault", "warning"]
    words: str
    mend: str


def drift(connection: Connection) -> list[Drift]:
    """Every difference; none where nothing is installed, or all is well. Reads only."""
    row = connection.execute(query("source_current")).one_or_none()
    last = installed(connection)
    if row is None or last is None:
        return []
    recorded = json.loads(row.mapping)
    found = _objects(last, live_objects(connection), enabled_always=recorded.get("enable") == "always")
    found += _tables(connection, recorded["installed"]["tables"])
    try:
        return found + _sql(connection, recorded)
    except LOCKED:
        words = "the mapping's SQL was not checked: somebody holds a lock on its tables"
        return [*found, Drift("warning", words, "look again once the lock is gone")]


def _objects(last: Installed, live: dict[str, Live], *, enabled_always: bool) -> list[Drift]:
    found = []
    for name, digest in last.live.items():
        here = live.get(name)
        if here is None:
            found.append(Drift("fault", f"{name} is gone: what it captured is missed", REINSTALL))
        elif here.enabled == "D":
            found.append(Drift("fault", f"{name} is disabled: what it captures is missed", REINSTALL))
        elif here.kind == "trigger" and here.enabled != ("A" if enabled_always else "O"):
            found.append(Drift("fault", f"{name} is enabled in another way than installed", REINSTALL))
        elif here.digest != digest:
            found.append(Drift("fault", f"{name} is not as it was installed", REINSTALL))
    found += [
        Drift("warning", f"{name} stands, but was not installed", REINSTALL) for name in live if name not in last.live
    ]
    return found


def _tables(connection: Connection, tables: Json) -> list[Drift]:
    found: list[Drift] = []
    catalog = Catalog(connection)
    for name, recorded in tables.items():
        now = catalog.table(recorded["oid"])
        if now is None:
            found.append(Drift("fault", f"table {name} was dropped, or dropped and made anew", MEND_MAPPING))
            continue
        if now.table.sql != name:
            found.append(Drift("fault", f"table {name} is now {now.table.sql}", MEND_MAPPING))
        before, columns = recorded["columns"], {one.name: one.type for one in now.table.columns}
        found += [
            Drift("warning", f"column {quote(one)} of {name} is gone since install", REINSTALL)
            for one in before
            if one not in columns
        ]
        found += [
            Drift(
                "warning",
                f"column {quote(one)} of {name} came after install: its changes raise updates, without values",
                REINSTALL,
            )
            for one in columns
            if one not in before
        ]
        found += [
            Drift("warning", f"column {quote(one)} of {name} was {before[one]} and is {columns[one]} now", REINSTALL)
            for one in columns
            if one in before and before[one] != columns[one]
        ]
    return found


def _sql(connection: Connection, recorded: Json) -> list[Drift]:
    """The mapping's SQL, parsed and planned anew under the search path of the install."""
    try:
        mapping = Mapping.model_validate({key: value for key, value in recorded.items() if key != "installed"})
    except ValidationError as error:
        return [Drift("fault", f"the recorded mapping is of another version: {error.error_count()} faults", REINSTALL)]
    catalog = Catalog(connection)
    if not connection.execute(query("owner_acts")).scalar_one():
        return [Drift("fault", fault, MEND_MAPPING) for fault in _unanswered(catalog, mapping)]
    path = ", ".join(quote(one) for one in recorded["installed"]["search_path"])
    with catalog.trial() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, true), set_config('lock_timeout', '1s', true)", (path,))
        faults = _broken(catalog, mapping)
    return [Drift("fault", fault, MEND_MAPPING) for fault in faults]


def _unanswered(catalog: Catalog, mapping: Mapping) -> list[str]:
    """For one who may not read the source: what the installed lookups can't, with their owner's rights."""
    lookups = {"contract.query": "find_contracts('{}')", "business_unit.query": "business_units()"}
    lookups |= {"company.query": "read_company('{}')"} if mapping.company else {}
    faults: list[str] = []
    for key, call in lookups.items():
        try:
            catalog.rows(f"SELECT outbox.{call}", seconds=_PATIENCE_SECONDS)
        except SqlFaultError as error:
            faults.append(in_words(key, "a query that PostgreSQL can run", error))
    return faults


def _broken(catalog: Catalog, mapping: Mapping) -> list[str]:
    faults: list[str] = []
    key_type = None
    lookups = [("contract.query", mapping.contract.query), ("business_unit.query", mapping.business_unit.query)]
    lookups += [("company.query", mapping.company.query)] if mapping.company else []
    for key, sql in lookups:
        try:
            columns = catalog.describe(sql)
        except SqlFaultError as error:
            faults.append(in_words(key, "a query that PostgreSQL can run", error))
            continue
        if key == "contract.query":
            key_type = next((one.type for one in columns if one.name == "contract_id"), None)
    RuleInspector(catalog, mapping, faults, [], trace=False).inspect(key_type, None)
    return faults
