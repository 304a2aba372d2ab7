"""The source mapping, config/source.toml: how a contract application's tables become contracts and triggers."""

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from outbox.model import Trigger

_QUERY = re.compile(r"\(*\s*(select|with|values)\b", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


class Operation(StrEnum):
    """What happens to a row."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


def is_query(sql: str) -> bool:
    """Whether the SQL is a whole query, not an expression."""
    return _QUERY.match(_COMMENT.sub(" ", sql).lstrip()) is not None


def _sql(written: str) -> str:
    text = written.strip().removesuffix(";").rstrip()
    if not text:
        raise ValueError("expected SQL, got nothing; write it or leave the key out")
    return text


def _query(written: str) -> str:
    text = _sql(written)
    if not is_query(text):
        raise ValueError("expected a query that begins with SELECT, WITH or VALUES")
    return text


def _list(written: object) -> object:
    return [written] if isinstance(written, str) else written


def _distinct(names: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected each name once, got {', '.join(twice)} twice")
    return names


Sql = Annotated[str, AfterValidator(_sql)]
Query = Annotated[str, AfterValidator(_query)]
Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_distinct)]
Operations = Annotated[tuple[Operation, ...], BeforeValidator(_list), Field(min_length=1), AfterValidator(_distinct)]


class Section(BaseModel):
    """A part of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class Contract(Section):
    """One row per contract: contract_id, business_unit, status, and whatever is reported.

    `table` and `key` name the table whose rows are contracts, where the query alone doesn't tell (a view, a function).
    """

    query: Query
    never: Names = ()
    table: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _table_and_key(self) -> Self:
        if (self.table is None) != (self.key is None):
            raise ValueError("expected both table and key, or neither; table holds the contracts, key is its column")
        return self


class Lookup(Section):
    """A query for names and further fields."""

    query: Query


class Rule(Section):
    """One [[capture]]: which change of which table raises which trigger, for which contracts."""

    trigger: Trigger
    table: Annotated[str, Field(min_length=1)]
    on: Operations
    contract: Sql
    when: Sql | None = None
    detail: Sql | None = None
    ignore: Names = ()
    columns: Names | None = None
    name: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _keys_of_updates(self) -> Self:
        compares = self.trigger is Trigger.UPDATE and Operation.UPDATE in self.on
        for key, written in (("ignore", self.ignore), ("columns", self.columns)):
            if written and not compares:
                raise ValueError(
                    f"expected {key} only where trigger is 'update' and on has 'update';"
                    f" leave {key} out, or say with when which changes count"
                )
        return self


def _with_zone(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError("expected a moment with its zone, such as 2026-01-01T00:00:00Z")
    return moment


class Expired(Section):
    """Which contracts are open, and so expire when their time is up; or a query of one's own.

    `time_zone` is that of dates, which end with their day, and of times without a zone; a column time_zone goes before
    it. Deadlines up to `since` raise nothing by themselves; without it, those up to the install.
    """

    open: Sql | None = None
    query: Query | None = None
    time_zone: Annotated[str, Field(min_length=1)] | None = None
    since: Annotated[datetime | None, AfterValidator(_with_zone)] = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.open is None) == (self.query is None):
            raise ValueError("expected either open (which contracts still can expire) or query; give one of them")
        if self.query is not None and not re.search(r":now\b", self.query):
            raise ValueError("expected a query that compares with the time :now; write expires_at <= :now")
        return self


class Mapping(Section):
    """The whole file."""

    contract: Contract
    business_unit: Lookup
    company: Lookup | None = None
    capture: Annotated[tuple[Rule, ...], Field(min_length=1)]
    expired: Expired | None = None
    on_capture_error: Literal["record", "abort"] = "record"
    enable: Literal["origin", "always"] = "origin"
    wakeup: Literal["notify", "poll"] | None = None

    @property
    def named_rules(self) -> tuple[tuple[str, Rule], ...]:
        """Each rule with its name: its own, else `update on public.contract`, numbered where that is not unique."""
        return tuple(_named(self.capture))


def _named(rules: tuple[Rule, ...]) -> Iterator[tuple[str, Rule]]:
    seen: dict[str, int] = {rule.name: 1 for rule in rules if rule.name}
    for rule in rules:
        if rule.name:
            yield rule.name, rule
            continue
        name = f"{rule.trigger} on {rule.table}"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} #{seen[name]}"), rule


def mapping_faults(mapping: Mapping, tables: dict[str, int]) -> list[str]:
    """What is wrong with the mapping in itself: names twice, overlapping rules.

    `tables` tells the table of a rule by its name, since one table can be written in several ways.
    """
    faults = []
    names = [rule.name for rule in mapping.capture if rule.name]
    faults += [
        f"capture: expected a name of its own for each rule, got {name!r} {names.count(name)} times; rename one"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    rules = mapping.named_rules
    for at, (name, rule) in enumerate(rules):
        for other_name, other in rules[:at]:
            shared = [on for on in rule.on if on in other.on]
            same = tables.get(name, rule.table) == tables.get(other_name, other.table)
            if shared and same and _overlap(rule, other):
                faults.append(
                    f"capture: {name!r} and {other_name!r} overlap: both raise {rule.trigger} on {shared[0]} of"
                    f" {rule.table} and nothing tells them apart; give each a when of its own, or make them one"
                )
    return faults


def _overlap(one: Rule, other: Rule) -> bool:
    """Two rules of one table are apart only by their triggers or conditions."""
    if one.trigger is not other.trigger:
        return False
    if one.when is None or other.when is None:
        return True
    return _squeezed(one.when) == _squeezed(other.when)


def _squeezed(sql: str) -> str:
    return " ".join(sql.split()).casefold()
