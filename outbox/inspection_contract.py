"""Holds the contract query against the catalogue: its columns, the table behind it, its rows."""

from outbox.capture_sql import literal, quote
from outbox.catalog import Catalog, FoundTable, ResultColumn, SqlFaultError
from outbox.inspection_words import Findings, in_words, zoneless
from outbox.mapping import Contract
from outbox.suggest import suggestion

REQUIRED = {"contract_id", "business_unit", "status"}
SCAN_SECONDS = 30


class ContractInspector:
    """The contract query: its columns, the table behind it, its rows."""

    def __init__(self, catalog: Catalog, section: Contract, findings: Findings) -> None:
        self.catalog = catalog
        self.section = section
        self.findings = findings
        self.columns: list[ResultColumn] = []
        self.key_type: str | None = None
        self.base: FoundTable | None = None
        self.key: str | None = None
        self.read_columns: frozenset[str] = frozenset()

    def inspect(self) -> None:
        """Finds everything out."""
        try:
            self.columns = self.catalog.describe(self.section.query)
        except SqlFaultError as error:
            self.findings.faults.append(in_words("contract.query", "a query that PostgreSQL can run", error))
            return
        if not self._named_well():
            return
        by_name = {one.name: one for one in self.columns}
        self.key_type = by_name["contract_id"].type
        self._never(by_name)
        self.findings.warnings += [
            f"contract.query: {one.name} is a {one.type}, which has no zone; write {one.name} AT TIME ZONE '...'"
            for one in self.columns
            if zoneless(one.type)
        ]
        before = len(self.findings.faults)
        self._base(by_name["contract_id"])
        if len(self.findings.faults) == before:
            self._rows()

    def _named_well(self) -> bool:
        names = [one.name for one in self.columns]
        missing = sorted(REQUIRED - set(names))
        twice = sorted({name for name in names if names.count(name) > 1})
        self.findings.faults += [
            f"contract.query: expected a column {name}, got {', '.join(names)}; name the column with AS {name}"
            for name in missing
        ]
        self.findings.faults += [
            f"contract.query: expected each column once, got {name} {names.count(name)} times; rename or drop one"
            for name in twice
        ]
        return not missing and not twice

    def _never(self, by_name: dict[str, ResultColumn]) -> None:
        """What is never kept must not come back under another name."""
        for one in by_name.values():
            found = self.catalog.table(one.table) if one.table else None
            origin = next((c.name for c in found.table.columns if c.number == one.number), None) if found else None
            if origin in self.section.never and one.name not in self.section.never:
                self.findings.faults.append(
                    f"contract.query: expected no column under never, got {origin} as {one.name}; take it out"
                )

    def _base(self, identity: ResultColumn) -> None:
        found, key = self._named_base() if self.section.table else self._read_base(identity)
        if found is None or key is None:
            return
        table = found.table
        if key in found.unique_columns:
            pass
        elif key in table.primary_key and set(table.identity) == {key}:
            self.findings.warnings.append(
                f"contract.query: {table.sql} is partitioned, so its key {', '.join(table.primary_key)} does not keep"
                f" {key} from standing twice"
            )
        elif key in table.primary_key:
            parts = " || '/' || ".join(f"CAST({quote(one)} AS text)" for one in table.primary_key)
            self.findings.faults.append(
                f"contract.query: expected contract_id to tell one contract, got {key}, a part of the composite key"
                f" ({', '.join(table.primary_key)}) of {table.sql}; give {parts} AS contract_id, with a unique index on"
                " that expression, or a column that is unique by itself"
            )
            return
        else:
            self.findings.warnings.append(f"contract.query: nothing keeps {key} unique in {table.sql}")
        self.base, self.key = found, key
        read = self.catalog.columns_read(self.section.query)
        self.read_columns = frozenset(one.name for one in table.columns if (table.oid, one.number) in read)

    def _named_base(self) -> tuple[FoundTable | None, str | None]:
        found = self.catalog.find(self.section.table or "")
        if found is None:
            self.findings.faults.append(
                f"contract.table: expected a table, got {self.section.table!r}, which is none;"
                f" {suggestion(self.section.table or '', self.catalog.tables())}"
            )
            return None, None
        if found.no_entry is not None:
            self.findings.faults.append(f"contract.table: {found.no_entry}")
            return None, None
        names = [one.name for one in found.table.columns]
        if self.section.key not in names:
            self.findings.faults.append(
                f"contract.key: expected a column of {found.table.sql}, got {self.section.key!r};"
                f" {suggestion(self.section.key or '', names)}"
            )
            return None, None
        return found, self.section.key

    def _read_base(self, identity: ResultColumn) -> tuple[FoundTable | None, str | None]:
        found = self.catalog.table(identity.table) if identity.table else None
        if found is None or found.table.kind not in "rp":
            what = "is computed" if found is None else f"comes from {found.table.sql}, which is no table"
            self.findings.warnings.append(
                f"contract.query: contract_id {what}, so a contract that the query leaves out can't be told from a"
                " deleted one, and changed columns are not told; name the table: [contract] table = ..., key = ..."
            )
            return None, None
        return found, next(one.name for one in found.table.columns if one.number == identity.number)

    def _rows(self) -> None:
        """The rows there are: one for each contract, none without key or business unit."""
        query = self.section.query
        try:
            counted = self.catalog.rows(
                "SELECT count(*), count(contract_id), count(business_unit), count(DISTINCT contract_id)"  # noqa: S608 (the mapping's own query)
                f" FROM (\n{query}\n) AS contract",
                seconds=SCAN_SECONDS,
            )[0]
            rows, keys, units, distinct = counted
            twice = (
                self.catalog.rows(
                    "SELECT CAST(contract_id AS text), count(*)"  # noqa: S608 (the mapping's own query)
                    f" FROM (\n{query}\n) AS contract WHERE contract_id IS NOT NULL"
                    " GROUP BY contract_id HAVING count(*) > 1 LIMIT 3",
                    seconds=SCAN_SECONDS,
                )
                if distinct < keys
                else []
            )
        except SqlFaultError as error:
            if "statement timeout" in str(error):
                self.findings.warnings.append(
                    f"contract.query: whether it gives each contract once was not found out within {SCAN_SECONDS} s"
                )
                return
            self.findings.faults.append(in_words("contract.query", "rows that can be read", error))
            return
        self._empty_columns(rows, keys=keys, units=units)
        self.findings.faults += [
            f"contract.query: expected one row for each contract, got {count} for contract {key}; join with LIMIT 1,"
            " or aggregate what there is several of"
            for key, count in twice
        ]

    def _empty_columns(self, rows: int, *, keys: int, units: int) -> None:
        if rows > keys:
            self.findings.faults.append(
                f"contract.query: expected contract_id in every row, got NULL in {rows - keys} of {rows}; exclude them"
            )
        if rows > units:
            self.findings.faults.append(
                f"contract.query: expected business_unit in every row, got NULL in {rows - units} of {rows}; exclude"
                " these contracts with WHERE, or give them a unit with coalesce"
            )


def twice_among(
    catalog: Catalog, query: str, key_type: str, contracts: list[str], *, seconds: int
) -> list[tuple[str, int]]:
    """Those of the contracts for which the query gives several rows, with how many; by the key's index."""
    wanted = ", ".join(literal(one) for one in contracts)
    rows = catalog.rows(
        "SELECT CAST(contract_id AS text), count(*)"  # noqa: S608 (the mapping's own query)
        f" FROM (\n{query}\n) AS contract"
        f" WHERE contract_id = ANY (CAST(CAST(ARRAY[{wanted}] AS text[]) AS {key_type}[]))"
        " GROUP BY contract_id HAVING count(*) > 1 ORDER BY contract_id LIMIT 3",
        seconds=seconds,
    )
    return [(key, count) for key, count in rows]
