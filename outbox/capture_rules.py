"""The part of a note function that one rule is, and its row in outbox.rule."""

# ruff: noqa: S608 (this module writes SQL for a reviewed script, of the mapping's own SQL)

import re
from collections.abc import Iterator
from collections.abc import Mapping as Lookup
from string import Template

from outbox.capture_facts import Facts, RuleRow, Table
from outbox.capture_sql import contract_query, literal, names_array, quote, stripped
from outbox.mapping import Mapping, Operation, Rule, is_query
from outbox.model import Trigger


class RuleWriter:
    """Fills the templates of rules for one mapping."""

    def __init__(self, mapping: Mapping, facts: Facts, templates: Lookup[str, str]) -> None:
        self.mapping = mapping
        self.facts = facts
        self.never = mapping.contract.never
        self._templates = templates

    def fill(self, template: str, **slots: str) -> str:
        """A template with its slots filled."""
        return Template(self._templates[template]).substitute(slots).strip("\n")

    def rows(self) -> Iterator[RuleRow]:
        """The rows of outbox.rule."""
        for position, (name, rule) in enumerate(self.mapping.named_rules):
            known = self.facts.rules[name]
            kept = self.kept(rule, known.table)
            key = known.table.primary_key or known.table.identity
            recorded = {*known.used, *kept, *key} - set(self.never)
            for operation in rule.on:
                compares = self.compares(rule, operation)
                yield RuleRow(
                    name=name,
                    operation=operation.upper(),
                    position=position,
                    trigger=rule.trigger.value,
                    table_name=known.table.sql,
                    relation=known.table.oid,
                    contract=contract_query(rule, self.facts.key_type),
                    condition=rule.when or "true",
                    detail=f"CAST(({rule.detail}\n) AS jsonb)" if rule.detail else "NULL::jsonb",
                    compared=compares,
                    reported=compares and self.is_base(known.table),
                    kept=kept if compares else (),
                    ignored=self.ignored(rule, known.table),
                    spared=self.spared(known.table) if compares else {},
                    known=tuple(one.number for one in known.table.columns),
                    recorded=tuple(one.number for one in known.table.columns if one.name in recorded),
                    never=self.never,
                    on_error=self.mapping.on_capture_error,
                )

    def compares(self, rule: Rule, operation: Operation) -> bool:
        """Whether only a change in some column that is not ignored counts."""
        return rule.trigger is Trigger.UPDATE and operation is Operation.UPDATE

    def is_base(self, table: Table) -> bool:
        """Whether the table's rows are the contracts."""
        return self.facts.base is not None and table.oid == self.facts.base.oid

    def kept(self, rule: Rule, table: Table) -> tuple[str, ...]:
        """The columns whose old and new values are kept: of the contract's own table only."""
        if not self.is_base(table) or rule.trigger is not Trigger.UPDATE:
            return ()
        wanted = set(rule.columns) if rule.columns is not None else self.facts.read_columns
        return tuple(one.name for one in table.columns if one.name in wanted and one.name not in self.never)

    def ignored(self, rule: Rule, table: Table) -> tuple[str, ...]:
        """The columns whose change alone is no update; a virtual column has no value in a capture trigger."""
        unstored = tuple(one.name for one in table.columns if not one.stored and one.name not in rule.ignore)
        return (*rule.ignore, *unstored)

    def spared(self, table: Table) -> dict[str, str]:
        """Columns of send and review rules on this table's updates: their change is a send where that rule applies."""
        conditions: dict[str, list[str]] = {}
        for name, rule in self.mapping.named_rules:
            here = self.facts.rules[name]
            if (
                rule.trigger in (Trigger.SEND, Trigger.REVIEW)
                and Operation.UPDATE in rule.on
                and here.table.oid == table.oid
            ):
                for column in sorted(here.used):
                    conditions.setdefault(column, []).append(f"({rule.when or 'true'}\n) IS TRUE")
        return {column: " OR ".join(some) for column, some in conditions.items()}

    def block(self, name: str, rule: Rule, table: Table, operation: Operation) -> str:
        """The rule's part of the note function of this table and operation."""
        array = contract_query(rule, self.facts.key_type)
        contracts = (
            f"ARRAY(SELECT DISTINCT q.contract FROM ({array}\n) AS q (contract))"
            if is_query(rule.contract)
            else f"ARRAY[{array.removeprefix('SELECT ')}]"
        )
        detail = stripped(f"CAST(({rule.detail}\n) AS jsonb)", self.never) if rule.detail else "NULL"
        old, new = ("new", "new") if operation is Operation.INSERT else ("old", "old")
        if operation is Operation.UPDATE:
            old, new = "old", "new"
        again = (
            f"{literal(name)}, {literal(self.mapping.on_capture_error)}, {literal(operation.upper())}, TG_RELID, TG_OP,"
            f" {old}, {new}"
        )
        compares = self.compares(rule, operation)
        return self.fill(
            "rule",
            name=name.replace("\n", " "),
            shadow=self._shadow(rule, operation),
            when=rule.when or "true",
            compared=self.fill(
                "compared",
                columns="\n".join(self._comparisons(rule, table)),
                known=names_array([one.name for one in table.columns], "name"),
                again=again,
                contracts=contracts,
                detail=detail,
                unreported="" if self.is_base(table) else "\n        _changed := NULL;",
            )
            if compares
            else f"_contracts := {contracts};\n      _detail := {detail};",
            again=again,
            note=f"{literal(name)}, {literal(self.mapping.on_capture_error)}, {literal(rule.trigger.value)}",
        )

    def _shadow(self, rule: Rule, operation: Operation) -> str:
        """The row that this operation lacks, as all NULL, where the rule speaks of it."""
        absent = {Operation.INSERT: "old", Operation.DELETE: "new"}.get(operation)
        spoken = " ".join(part for part in (rule.contract, rule.when, rule.detail) if part)
        if absent is None or not re.search(rf"\b{absent}\b", spoken, re.IGNORECASE):
            return ""
        present = "new" if absent == "old" else "old"
        return f"\n    SELECT r.* INTO {absent} FROM (SELECT 1) AS one LEFT JOIN (SELECT {present}.*) AS r ON false;"

    def _comparisons(self, rule: Rule, table: Table) -> Iterator[str]:
        kept, ignored, spared = self.kept(rule, table), self.ignored(rule, table), self.spared(table)
        for one in table.columns:
            if one.name in ignored:
                continue
            column = quote(one.name)
            differs = (
                f"old.{column} IS DISTINCT FROM new.{column}"
                if one.exact
                else f"record_image_ne(ROW(old.{column}), ROW(new.{column}))"
            )
            if one.name in spared:
                differs += f" AND ({spared[one.name]}) IS NOT TRUE"
            pair = f"jsonb_build_array(old.{column}, new.{column})" if one.name in kept else "NULL"
            yield (
                f"      IF {differs} THEN\n"
                f"        _changed := _changed || jsonb_build_object({literal(one.name)}, {pair});\n"
                "      END IF;"
            )

    def move(self, table: Table, operation: Operation) -> str:
        """A row that moves between partitions is deleted and inserted: told by its identity, noted as an update."""
        if not table.partitioned or not table.identity or operation is Operation.UPDATE:
            return ""
        updates = [
            (name, rule)
            for name, rule in self.mapping.named_rules
            if self.facts.rules[name].table.oid == table.oid and Operation.UPDATE in rule.on
        ]
        names = [quote(one) for one in table.identity]
        if operation is Operation.DELETE:
            same = " AND ".join(f"there.{name} = old.{name}" for name in names)
            return self.fill("move_delete", table=table.sql, same=same, table_name=literal(table.sql)) + "\n"
        identity = " AND ".join(f"to_jsonb(new.{quote(one)}) = _moved -> {literal(one)}" for one in table.identity)
        notes = "\n".join(
            self.fill(
                "move_note",
                name=literal(name),
                on_error=literal(self.mapping.on_capture_error),
                note=f"{literal(name)}, {literal(self.mapping.on_capture_error)}, {literal(rule.trigger.value)}",
            )
            for name, rule in updates
        )
        return self.fill("move_insert", identity=identity, table_name=literal(table.sql), notes=notes) + "\n"
