"""What a look at a foreign database found: its tables, and a sample of values. Nothing here decides."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from outbox.capture_sql import quote
from outbox.proposal.words import tokens

Samples: TypeAlias = Mapping[tuple[int, str], tuple[str, ...]]
"""Values of the newest rows, as text, by table and column; a column that could not be read is not in it."""


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column; `type` is the base type of a domain. `labels`: an enum's values, `checks`: its CHECK constraints.

    `distinct` is PostgreSQL's estimate (negative: a share of the rows; None: never analyzed), `frequent` its commonest
    values.
    """

    name: str
    type: str
    not_null: bool = False
    labels: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    distinct: float | None = None
    frequent: tuple[str, ...] = ()
    generated: bool = False


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """A valid index: its leading columns, until the first that is an expression; `whole` where it has no predicate."""

    columns: tuple[str, ...]
    unique: bool
    whole: bool


@dataclass(frozen=True)
class LiveTable:
    """A table that the role may read, or a partitioned one; never a partition. `sql` is its name as SQL needs it.

    `rows` is an estimate, a mere guess by the size on disk where it was never `analyzed`.
    """

    oid: int
    schema: str
    name: str
    sql: str
    rows: float
    columns: tuple[LiveColumn, ...]
    primary_key: tuple[str, ...] = ()
    partition_key: tuple[str, ...] = ()
    indexes: tuple[LiveIndex, ...] = ()
    partitioned: bool = False
    analyzed: bool = True
    comment: str = ""

    @cached_property
    def by_name(self) -> dict[str, LiveColumn]:
        """The columns by name."""
        return {one.name: one for one in self.columns}

    @cached_property
    def key(self) -> tuple[str, ...]:
        """What tells a row: the primary key without what it only has for partitioning, else a unique column."""
        rest = tuple(name for name in self.primary_key if name not in self.partition_key)
        if self.partitioned and rest:
            return rest
        unique = (one.columns for one in self.indexes if one.unique and one.whole and len(one.columns) == 1)
        sole = next((names for names in unique if self.by_name[names[0]].not_null), ())
        if len(self.primary_key) == 1:
            return self.primary_key
        return sole or self.primary_key

    def led_by(self, names: tuple[str, ...]) -> bool:
        """Whether an index begins with one of these columns."""
        return any(one.whole and one.columns and one.columns[0] in names for one in self.indexes)


@dataclass(frozen=True, slots=True)
class Link:
    """Columns of one table that name a row of another; not `declared`: told by names and types alone."""

    table: int
    columns: tuple[str, ...]
    to_table: int
    to_columns: tuple[str, ...]
    declared: bool = True


@dataclass(frozen=True)
class Survey:
    """Everything that was read of the catalogue; `zone` is the database's own TimeZone setting, where it has one."""

    tables: Mapping[int, LiveTable]
    links: tuple[Link, ...] = ()
    version: int = 160_000
    zone: str | None = None
    unreadable: tuple[str, ...] = ()
    samples: Samples = field(default_factory=dict)

    def links_from(self, oid: int) -> Sequence[Link]:
        """The links out of a table to others, declared ones first."""
        return self._from.get(oid, ())

    def links_to(self, oid: int) -> Sequence[Link]:
        """The links into a table from others, declared ones first."""
        return self._to.get(oid, ())

    @cached_property
    def _from(self) -> dict[int, list[Link]]:
        return _grouped(self.links, lambda link: link.table)

    @cached_property
    def _to(self) -> dict[int, list[Link]]:
        return _grouped(self.links, lambda link: link.to_table)

    def values(self, table: LiveTable, column: LiveColumn) -> tuple[str, ...]:
        """The values that a column is known to take: by its type, its constraint, statistics and sample."""
        if column.labels:
            return column.labels
        seen = (*column.frequent, *self.samples.get((table.oid, column.name), ()))
        return tuple(dict.fromkeys((*_allowed(column.checks), *seen)))


def _grouped(links: Iterable[Link], end: Callable[[Link], int]) -> dict[int, list[Link]]:
    found: dict[int, list[Link]] = {}
    for link in sorted(links, key=lambda one: not one.declared):
        if link.table != link.to_table:
            found.setdefault(end(link), []).append(link)
    return found


def _allowed(checks: tuple[str, ...]) -> Iterator[str]:
    """The literals of `CHECK (status = ANY (ARRAY['a'::text, ...]))`, as PostgreSQL writes an IN."""
    for check in checks:
        if "= ANY" in check:
            pieces = check.split("'")
            yield from pieces[1::2]


@dataclass
class Aliases:
    """Table aliases of one query, each used once: `c` for the contract, others by what the table's name ends with."""

    taken: set[str] = field(default_factory=lambda: {"c"})

    def of(self, name: str) -> str:
        """A new alias for a table of that name."""
        last = (tokens(name) or ("t",))[-1]
        wanted, number = last[0], 1
        while wanted in self.taken:
            number += 1
            wanted = f"{last[0]}{number}"
        self.taken.add(wanted)
        return wanted


def column_sql(alias: str, name: str) -> str:
    """`alias.column`, quoted only where SQL needs it."""
    return f"{alias}.{plain(name)}"


def plain(name: str) -> str:
    """A name, with quotes only where SQL needs them."""
    simple = name.isascii() and name.replace("_", "a").isalnum() and name.islower() and not name[0].isdigit()
    return name if simple and name not in RESERVED else quote(name)


def _words(written: str) -> frozenset[str]:
    return frozenset(written.split())


RESERVED = _words(
    """
    all analyse analyze and any array as asc asymmetric authorization between binary both case cast check
    collate column concurrently constraint create cross current_date current_role current_time current_timestamp
    current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full
    grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
    references returning right select session_user similar some symmetric system_user table tablesample then to
    trailing true union unique user using variadic verbose when where window with
    """
)
"""The words that can be no column or alias without quotes."""
