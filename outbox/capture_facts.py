"""What capture is built from and what it consists of: tables, facts about a mapping, statements, rules."""

import hashlib
import json
from collections.abc import Mapping as Lookup
from dataclasses import asdict, dataclass, field

from outbox.mapping import Mapping

SLOW_ROWS = 10_000
"""A lookup that reads a table whole is refused where the table has more rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; `exact` says that its `=` tells every difference, so that the cheap comparison will do."""

    number: int
    name: str
    type: str
    exact: bool
    stored: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """An application's table; `sql` is its name with the quotes it needs.

    `identity` names the columns that a row keeps when it moves between partitions.
    """

    oid: int
    schema: str
    name: str
    sql: str
    kind: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()

    @property
    def partitioned(self) -> bool:
        """Whether its rows can move between partitions."""
        return self.kind == "p"


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a rule reads: its table, and the columns of it in its expressions (all, where a row is used whole)."""

    table: Table
    used: frozenset[str]


@dataclass(frozen=True, slots=True)
class ExpiredFacts:
    """What deadlines are read from: the columns of the query that is asked, and who says the zone where they have none.

    `contract_type` is the type of the contract query's own expires_at; `index` the DDL of an index that a scan could
    use, None where no one table's column, or expression, tells the deadline.
    """

    columns: Lookup[str, str]
    contract_type: str | None
    unit_zone: bool
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalogue says about a mapping. `base` and `key` are None where no one table holds the contracts."""

    search_path: tuple[str, ...]
    contract_columns: tuple[str, ...]
    key_type: str
    base: Table | None
    key: str | None
    read_columns: frozenset[str]
    rules: Lookup[str, RuleFacts]
    company_columns: Lookup[str, str] = field(default_factory=dict)
    prepared_transactions: bool = False
    expired: ExpiredFacts | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One object that install makes: `name` as the catalogue tells it, what it is for, and the DDL."""

    name: str
    purpose: str
    ddl: str

    @property
    def digest(self) -> str:
        """Tells whether it was installed from the same text."""
        return hashlib.md5(self.ddl.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A row of outbox.rule: one rule on one operation."""

    name: str
    operation: str
    position: int
    trigger: str
    table_name: str
    relation: int
    contract: str
    condition: str
    detail: str
    compared: bool
    reported: bool
    kept: tuple[str, ...]
    ignored: tuple[str, ...]
    spared: Lookup[str, str]
    known: tuple[int, ...]
    recorded: tuple[int, ...]
    never: tuple[str, ...]
    on_error: str


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that stands once a mapping is installed."""

    statements: tuple[Statement, ...]
    rules: tuple[RuleRow, ...]
    tables: tuple[Table, ...]
    mapping: Mapping
    wakeup: str
    search_path: tuple[str, ...]
    contract_columns: tuple[str, ...]
    expiring: str | None = None
    deadline_index: str | None = None

    @property
    def recorded_mapping(self) -> dict[str, object]:
        """What outbox.source keeps: the mapping as it was read, and under `installed` what it was read against."""
        tables = {
            table.sql: {"oid": table.oid, "columns": {one.name: one.type for one in table.columns}}
            for table in self.tables
        }
        return {
            **self.mapping.model_dump(mode="json"),
            "installed": {
                "tables": tables,
                "wakeup": self.wakeup,
                "search_path": self.search_path,
                "contract_columns": self.contract_columns,
                "expiring": self.expiring,
                "deadline_index": self.deadline_index,
            },
        }

    @property
    def digest(self) -> str:
        """Of all that is asked for: equal to the installed one's where there is nothing to do."""
        parts = [one.ddl for one in self.statements] + [json.dumps(asdict(one), sort_keys=True) for one in self.rules]
        parts.append(json.dumps(self.recorded_mapping, sort_keys=True))
        return hashlib.md5("\n".join(parts).encode(), usedforsecurity=False).hexdigest()
