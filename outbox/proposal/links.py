"""How tables hang together: foreign keys, references that only names tell, and joins along them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from outbox.proposal import words
from outbox.proposal.facts import Aliases, Link, LiveColumn, LiveTable, Survey, column_sql

LONGEST_PATH = 3
_FAMILIES = {"smallint": "number", "integer": "number", "bigint": "number", "character varying": "text"}


def with_implied(survey: Survey) -> Survey:
    """The survey with what no foreign key declares: columns called and typed like another table's key."""
    declared = {(link.table, name) for link in survey.links for name in link.columns}
    targets: dict[tuple[str, str], list[LiveTable]] = defaultdict(list)
    for table in survey.tables.values():
        if len(table.primary_key) == 1:
            key = table.by_name[table.primary_key[0]]
            for name in {words.stem(table.name), *_telling(key)}:
                targets[name, _family(key)].append(table)
    implied = [
        Link(table.oid, (column.name,), target.oid, target.primary_key, declared=False)
        for table in survey.tables.values()
        for column in table.columns
        if (table.oid, column.name) not in declared and (column.name,) != table.primary_key
        for target in _sole(targets.get((words.stem(column.name), _family(column)), []), table)
        if _is_reference(column, target)
    ]
    return replace(survey, links=(*survey.links, *implied))


def _telling(key: LiveColumn) -> Iterator[str]:
    """A key whose own name tells its table, such as `vertragsnr`; not `id`."""
    if set(words.tokens(key.name)) - words.NOISE:
        yield words.stem(key.name)


def _family(column: LiveColumn) -> str:
    return _FAMILIES.get(column.type, column.type)


def _sole(targets: list[LiveTable], table: LiveTable) -> Iterator[LiveTable]:
    near = [one for one in targets if one.schema == table.schema and one.oid != table.oid] or targets
    if len(near) == 1 and near[0].oid != table.oid:
        yield near[0]


def _is_reference(column: LiveColumn, target: LiveTable) -> bool:
    marked = words.tokens(column.name)[-1:] and words.tokens(column.name)[-1] in words.NOISE
    return bool(marked) or column.name == target.primary_key[0]


def paths(survey: Survey, oid: int) -> Iterator[tuple[Link, ...]]:
    """Each table that links lead to, by the shortest way."""
    seen, start = {oid}, tuple[Link, ...]()
    ahead = [(start, oid)]
    while ahead:
        way, at = ahead.pop(0)
        for link in survey.links_from(at):
            if link.to_table not in seen and len(way) < LONGEST_PATH:
                seen.add(link.to_table)
                further = (*way, link)
                yield further
                ahead.append((further, link.to_table))


def children(survey: Survey, table: LiveTable) -> Iterator[tuple[LiveTable, Link]]:
    """Each table whose rows belong to one of this table's, once: by the link that is called like it, else the first."""
    best: dict[int, Link] = {}
    for link in survey.links_to(table.oid):
        known = best.get(link.table)
        if known is None or (_called(link, table) and not _called(known, table)):
            best[link.table] = link
    for oid, link in best.items():
        yield survey.tables[oid], link


def _called(link: Link, table: LiveTable) -> bool:
    return words.stem(link.columns[0]) == words.stem(table.name)


def nullable(survey: Survey, link: Link) -> bool:
    """Whether it may lead nowhere."""
    columns = survey.tables[link.table].by_name
    return not link.declared or not all(columns[name].not_null for name in link.columns)


@dataclass
class Joins:
    """The joins of one query, each made once."""

    survey: Survey
    aliases: Aliases

    def __post_init__(self) -> None:
        self.lines: list[str] = []
        self._made: dict[tuple[Link, ...], tuple[str, bool]] = {(): ("c", False)}

    def reach(self, way: tuple[Link, ...]) -> tuple[str, bool]:
        """The alias of the table at the end of the way, and whether its row may be missing."""
        if way not in self._made:
            before, outer = self.reach(way[:-1])
            link = way[-1]
            table = self.survey.tables[link.to_table]
            alias, outer = self.aliases.of(table.name), outer or nullable(self.survey, link)
            on = matched(alias, link.to_columns, before, link.columns)
            self.lines.append(f"{'LEFT ' * outer}JOIN {table.sql} {alias} ON {on}")
            self._made[way] = alias, outer
        return self._made[way]

    def foreign_key(self, way: tuple[Link, ...]) -> tuple[str, bool]:
        """The column that names the table at the way's end, which is not joined for it; whether it may be NULL."""
        alias, outer = self.reach(way[:-1])
        return column_sql(alias, way[-1].columns[0]), outer or not all(
            self.survey.tables[way[-1].table].by_name[name].not_null for name in way[-1].columns
        )


def matched(one: str, columns: Sequence[str], other: str, other_columns: Sequence[str]) -> str:
    """`a.x = b.y AND ...`."""
    pairs = zip(columns, other_columns, strict=True)
    return " AND ".join(f"{column_sql(one, left)} = {column_sql(other, right)}" for left, right in pairs)


def identity(parts: Sequence[str]) -> str:
    """A contract's id of its key's columns: of several, joined by slashes."""
    return parts[0] if len(parts) == 1 else " || '/' || ".join(f"CAST({part} AS text)" for part in parts)
