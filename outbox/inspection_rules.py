"""Holds each capture rule against its table."""

# ruff: noqa: S608 (this module asks PostgreSQL about the mapping's own SQL)

import re
from collections.abc import Sequence

from outbox.capture_facts import RuleFacts, Table
from outbox.capture_sql import contract_query
from outbox.catalog import Catalog, FoundTable, SqlFaultError
from outbox.inspection_words import in_words
from outbox.mapping import Mapping, Rule, is_query
from outbox.suggest import suggestion

_KINDS = {
    "v": "a view: name the table below it, for only tables can be captured",
    "m": "a materialized view: name the tables below it",
    "f": "a foreign table: install where the table is",
    "S": "a sequence: name a table",
    "i": "an index: name its table",
    "I": "an index: name its table",
    "c": "a composite type: name a table",
}


class RuleInspector:
    """Collects what is wrong with rules, and what is right about them.

    `trace` False looks at what stands already: it leaves out the columns that a rule reads, which take a temporary view
    to know, and what only the role that installs may do or see.
    """

    def __init__(
        self, catalog: Catalog, mapping: Mapping, faults: list[str], warnings: list[str], *, trace: bool = True
    ) -> None:
        self.catalog = catalog
        self.mapping = mapping
        self.faults = faults
        self.warnings = warnings
        self.trace = trace

    def inspect(self, key_type: str | None, base: Table | None) -> dict[str, RuleFacts]:
        """The facts of each rule by its name; of a rule with a fault, none."""
        found: dict[str, RuleFacts] = {}
        for name, rule in self.mapping.named_rules:
            table = self._table(name, rule)
            if table is not None:
                self._lists(name, rule, table, base)
                used = self._expressions(name, rule, table, key_type)
                if used is not None:
                    self._secrets(name, rule, table, used)
                    found[name] = RuleFacts(table=table, used=used)
        return found

    def _table(self, name: str, rule: Rule) -> Table | None:
        key = f"capture {name!r}"
        found = self.catalog.find(rule.table)
        if found is None:
            self.faults.append(
                f"{key}: table: expected a table, got {rule.table!r}, which is none;"
                f" {suggestion(rule.table, self.catalog.tables())}"
            )
            return None
        table = found.table
        if found.no_entry is not None:
            self.faults += [f"{key}: table: {found.no_entry}"] if self.trace else []
            return None
        if table.kind in _KINDS:
            self.faults.append(f"{key}: table: expected a table, got {table.sql}, {_KINDS[table.kind]}")
            return None
        if table.schema in ("outbox", "outbox_audit", "pg_catalog", "information_schema") or found.is_temporary:
            self.faults.append(
                f"{key}: table: expected a table of the application, got {table.sql}; name one of its own"
            )
            return None
        if self.trace and found.no_trigger is not None:
            self.faults.append(f"{key}: table: {found.no_trigger}")
            return None
        self._remarks(key, found)
        return table

    def _remarks(self, key: str, found: FoundTable) -> None:
        table = found.table
        if found.is_partition:
            self.warnings.append(f"{key}: {table.sql} is one partition; rows in the others are not captured")
        if found.has_children:
            self.warnings.append(
                f"{key}: rows in tables that inherit from {table.sql} are not captured; give them rules"
            )
        if table.partitioned and not table.identity:
            self.warnings.append(
                f"{key}: {table.sql} has no key beside its partition key, so a row that moves to another partition"
                " counts as deleted and inserted"
            )
        for trigger in found.earlier_triggers:
            self.warnings.append(
                f"{key}: the trigger {trigger} on {table.sql} fires before the capture trigger; rows that it changes"
                " are noted before the change that made it fire"
            )

    def _lists(self, name: str, rule: Rule, table: Table, base: Table | None) -> None:
        names = [one.name for one in table.columns]
        for key, written in (("ignore", rule.ignore), ("columns", rule.columns or ())):
            self.faults += [
                f"capture {name!r}: {key}: expected columns of {table.sql}, got {column!r}; {suggestion(column, names)}"
                for column in written
                if column not in names
            ]
        for column in rule.columns or ():
            if column in self.mapping.contract.never:
                self.faults.append(f"capture {name!r}: columns: expected nothing under never, got {column!r}; drop it")
        if base is None:  # not found because the contract query is wrong: that is said, and says nothing of this rule
            elsewhere = not any(fault.startswith("contract.") for fault in self.faults)
        else:
            elsewhere = base.oid != table.oid
        if self.trace and rule.columns and elsewhere:
            self.faults.append(
                f"capture {name!r}: columns: expected only for the contract's own table, got {table.sql}; report what"
                " belongs to one of its rows with detail"
            )

    def _expressions(self, name: str, rule: Rule, table: Table, key_type: str | None) -> frozenset[str] | None:
        """The columns that the rule's SQL reads; None where some of it is wrong."""
        rows = f"FROM {table.sql} AS old CROSS JOIN {table.sql} AS new"
        before = len(self.faults)
        key = f"capture {name!r}"
        if rule.when is not None:
            self._check(f"{key}: when", "a condition over old and new", f"SELECT {rows} WHERE ({rule.when}\n)")
        contract = contract_query(rule, key_type or "text")
        expected = f"SQL over old and new that gives the contract's {key_type or 'key'}"
        self._check(f"{key}: contract", expected, f"SELECT ARRAY({contract}) {rows}")
        if is_query(rule.contract):
            self._one_column(
                f"{key}: contract", f"SELECT given.* {rows} CROSS JOIN LATERAL ({rule.contract}\n) AS given"
            )
        else:
            self._check(
                f"{key}: contract",
                "one value (write SELECT where there can be several)",
                f"SELECT {rows} WHERE CAST(({rule.contract}\n) AS text) = ''",
            )
        if rule.detail is not None:
            self._detail(key, rule.detail, rows)
        if len(self.faults) > before:
            return None
        if not self.trace:
            return frozenset()
        parts = [f"ARRAY({contract}) AS contracts"]
        parts += [f"({part}\n) AS {word}" for word, part in (("applies", rule.when), ("detail", rule.detail)) if part]
        read = self.catalog.columns_read(f"SELECT {', '.join(parts)} {rows}")
        if _uses_whole_row(rule):
            return frozenset(one.name for one in table.columns)
        return frozenset(one.name for one in table.columns if (table.oid, one.number) in read)

    def _one_column(self, key: str, sql: str) -> None:
        try:
            columns = self.catalog.describe(sql)
        except SqlFaultError:
            return  # said already, of the same SQL
        if len(columns) != 1:
            names = ", ".join(one.name for one in columns)
            self.faults.append(
                f"{key}: expected a query of one column, the contract's key, got {names}; drop the others"
            )

    def _detail(self, key: str, detail: str, rows: str) -> None:
        try:
            found = self.catalog.describe(f"SELECT ({detail}\n) AS detail {rows}")
        except SqlFaultError as error:
            self._say(f"{key}: detail", "a jsonb value over old and new", error)
            return
        if found and found[0].type not in ("jsonb", "json"):
            self.faults.append(
                f"{key}: detail: expected jsonb, got {found[0].type}; write jsonb_build_object('name', value)"
            )

    def _check(self, key: str, expected: str, sql: str) -> None:
        if any(fault.startswith(f"{key}:") for fault in self.faults):
            return
        try:
            self.catalog.check(sql)
        except SqlFaultError as error:
            self._say(key, expected, error)

    def _say(self, key: str, expected: str, error: SqlFaultError) -> None:
        if self.trace or error.lack is None:
            self.faults.append(in_words(key, expected, error))

    def _secrets(self, name: str, rule: Rule, table: Table, used: frozenset[str]) -> None:
        for column in sorted(used & set(self.mapping.contract.never)):
            if _uses_whole_row(rule):
                continue
            spoken = " ".join((rule.contract, rule.detail or ""))
            if re.search(rf"\b{re.escape(column)}\b", spoken):
                self.faults.append(
                    f"capture {name!r}: expected nothing under never in contract and detail, got {column!r} of"
                    f" {table.sql}; take it out"
                )
            else:
                self.warnings.append(
                    f"capture {name!r}: when reads {column!r}, which is under never: a change that failed to be"
                    " captured is recorded without it, and may not be recaptured"
                )

    @staticmethod
    def lookup(name: str, rule: Rule, table: Table, key_type: str) -> tuple[str, str, Sequence[str]]:
        """What to call the rule's lookup, its statement over two rows $1 and $2, and their types."""
        sql = (
            f"SELECT ARRAY({contract_query(rule, key_type)}), ({rule.detail or 'NULL'}\n)"
            " FROM (SELECT ($1).*) AS old CROSS JOIN (SELECT ($2).*) AS new"
            f" WHERE ({rule.when or 'true'}\n)"
        )
        return f"capture {name!r}", sql, (table.sql, table.sql)


def _uses_whole_row(rule: Rule) -> bool:
    """Whether a row is used as a whole, such as to_jsonb(new): then every column is read."""
    spoken = " ".join(part for part in (rule.contract, rule.when, rule.detail) if part)
    return re.search(r"(?<![.\w])(old|new)(?!\s*\.\s*[\w\"])", spoken, re.IGNORECASE) is not None
