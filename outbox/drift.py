"""What changed under an installation: capture triggers gone or off, tables and columns changed, SQL broken."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import Connection

from outbox.capture_sql import quote
from outbox.catalog import Catalog, Cost, SqlFaultError
from outbox.inspection import lookup_costs
from outbox.inspection_contract import twice_among
from outbox.inspection_expiry import scan_cost
from outbox.inspection_rules import RuleInspector
from outbox.inspection_words import in_words
from outbox.install import LOCKED, installed, live_objects
from outbox.lack import Lack
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
        return _with_one_mend(found + _sql(connection, recorded))
    except LOCKED:
        words = "the mapping's SQL was not checked: somebody holds a lock on its tables"
        return [*found, Drift("warning", words, "look again once the lock is gone")]


def _with_one_mend(found: list[Drift]) -> list[Drift]:
    """Where the mapping must be mended first, what warns of the same change is mended with it."""
    if not any(one.mend == MEND_MAPPING for one in found):
        return found
    return [replace(one, mend=MEND_MAPPING) if one.level == "warning" else one for one in found]


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
        standing = _standing(connection, recorded)
    except ValidationError as error:
        return [Drift("fault", f"the recorded mapping is of another version: {error.error_count()} faults", REINSTALL)]
    if not connection.execute(query("owner_acts")).scalar_one():
        return _unanswered(connection, standing)
    faults = standing.broken() + standing.broken_scan(recorded["installed"].get("expiring"))
    return [Drift("fault", fault, MEND_MAPPING) for fault in faults]


def _unanswered(connection: Connection, installed: "Standing") -> list[Drift]:
    """For one who may not read the source: what the installed lookups can't, with their owner's rights."""
    catalog, mapping = installed.catalog, installed.mapping
    lookups = {"contract.query": "find_contracts('{}')", "business_unit.query": "business_units()"}
    lookups |= {"company.query": "read_company('{}')"} if mapping.company else {}
    found: list[Drift] = []
    for key, call in lookups.items():
        try:
            catalog.rows(f"SELECT outbox.{call}", seconds=_PATIENCE_SECONDS)
        except SqlFaultError as error:
            if error.lack is None:
                found.append(Drift("fault", in_words(key, "a query that PostgreSQL can run", error), MEND_MAPPING))
            else:
                owner = connection.execute(query("doctor_owners")).first()
                lack = catalog.lack(str(error), owner.owner if owner else None)
                found.append(Drift("fault", f"{key}: {lack.words}", f"{lack.mend}; then `outbox recapture`"))
    return found


def standing(connection: Connection) -> "Standing | None":
    """The mapping that is installed, to be tried on the live tables; None where there is none, or none that reads."""
    row = connection.execute(query("source_current")).one_or_none()
    try:
        return _standing(connection, json.loads(row.mapping)) if row is not None else None
    except ValidationError:  # which `drift` tells
        return None


def _standing(connection: Connection, recorded: Json) -> "Standing":
    mapping = Mapping.model_validate({key: value for key, value in recorded.items() if key != "installed"})
    return Standing(Catalog(connection), mapping, tuple(recorded["installed"]["search_path"]))


@dataclass(frozen=True, slots=True)
class Standing:
    """An installed mapping and the search path that its SQL was written for."""

    catalog: Catalog
    mapping: Mapping
    search_path: tuple[str, ...]

    def broken(self) -> list[str]:
        """What PostgreSQL says against the mapping's SQL; none where it would all run."""
        with self._installed_path():
            faults: list[str] = []
            for key, sql in self._lookups():
                try:
                    self.catalog.describe(sql)
                except SqlFaultError as error:
                    if error.lack is None:  # this role may not look; those may with whose rights capture runs
                        faults.append(in_words(key, "a query that PostgreSQL can run", error))
            RuleInspector(self.catalog, self.mapping, faults, [], trace=False).inspect(self._key_type(), None)
        return faults

    def broken_scan(self, sql: str | None) -> list[str]:
        """What PostgreSQL says against our own query around the mapping's that finds deadlines; `sql` None: no scan."""
        try:
            with self._installed_path():
                if sql is not None:
                    scan_cost(self.catalog, sql)
        except SqlFaultError as error:
            return [] if error.lack else [in_words("expired", "a query that PostgreSQL can run", error)]
        return []

    def refused_to(self, role: str = "none") -> list[Lack]:
        """What a role (default: ours) lacks for the lookups, each once: rights, row security."""
        refused: dict[Lack, None] = {}
        with self._installed_path(), self.catalog.trial() as cursor:
            cursor.execute("SELECT set_config('role', %s, true), set_config('row_security', 'off', true)", (role,))
            for _, sql in self._lookups():
                try:
                    self.catalog.check(sql)
                except SqlFaultError as error:
                    if error.lack is not None:
                        refused[error.lack] = None
        return list(refused)

    def costs(self) -> list[Cost]:
        """What every lookup that a commit waits for costs now; what can't be planned is left out, `broken` tells it."""
        with self._installed_path():
            key_type = self._key_type()
            rules = RuleInspector(self.catalog, self.mapping, [], [], trace=False).inspect(key_type, None)
            tables = {name: one.table for name, one in rules.items()}
            return list(lookup_costs(self.catalog, self.mapping, key_type or "text", tables, faults=[]))

    def twice(self, contracts: list[str], *, seconds: int) -> list[tuple[str, int]]:
        """Those of the contracts for which the contract query gives several rows, with how many."""
        with self._installed_path():
            query_text = self.mapping.contract.query
            return twice_among(self.catalog, query_text, self._key_type() or "text", contracts, seconds=seconds)

    def open_schemas(self) -> list[str]:
        """The schemas on the search path in which everybody may create objects."""
        return self.catalog.public_schemas(self.search_path)

    def _lookups(self) -> list[tuple[str, str]]:
        mapping = self.mapping
        lookups = [("contract.query", mapping.contract.query), ("business_unit.query", mapping.business_unit.query)]
        return lookups + ([("company.query", mapping.company.query)] if mapping.company else [])

    def _key_type(self) -> str | None:
        try:
            columns = self.catalog.describe(self.mapping.contract.query)
        except SqlFaultError:
            return None
        return next((one.type for one in columns if one.name == "contract_id"), None)

    @contextmanager
    def _installed_path(self) -> Iterator[None]:
        path = ", ".join(quote(one) for one in self.search_path)
        with self.catalog.trial() as cursor:
            set_path = "SELECT set_config('search_path', %s, true), set_config('lock_timeout', '1s', true)"
            cursor.execute(set_path, (path,))
            yield
