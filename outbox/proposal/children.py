"""The tables whose rows belong to a contract: what they are, how a report lists them, how a rule finds the contract."""

# ruff: noqa: S608 (texts of SQL for people to read and edit)

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from outbox.capture_facts import SLOW_ROWS
from outbox.capture_sql import literal
from outbox.proposal import words
from outbox.proposal.choice import MissingIndex, Notes, Output, Taken
from outbox.proposal.columns import Reading, listed, reported
from outbox.proposal.facts import Aliases, Link, LiveTable, Survey, column_sql, plain
from outbox.proposal.links import children, identity, matched

LEAST = 4.0
LOGGED = 1.8
"""So well, by a word in front, a log is one of e-mails or reviews."""
MOST_FIELDS = 40
WIDEST = 90


class Role(StrEnum):
    """What the rows of a child table are to a contract."""

    RECIPIENT = "recipients"
    LINE = "items"
    SIGNATURE = "signatures"
    PAYMENT = "payments"
    EMAIL = "e-mails"
    REVIEW = "reviews"
    LOG = "log"
    OTHER = "other"


LISTED = (Role.RECIPIENT, Role.LINE, Role.SIGNATURE, Role.PAYMENT)
"""What a report lists, and whose changes are updates of the contract."""
_WORDS = {
    Role.RECIPIENT: words.RECIPIENT,
    Role.LINE: words.LINE,
    Role.SIGNATURE: words.SIGNATURE,
    Role.PAYMENT: words.PAYMENT,
    Role.EMAIL: words.EMAIL,
    Role.REVIEW: words.REVIEW,
    Role.LOG: words.LOG,
}


@dataclass(frozen=True, slots=True)
class Child:
    """A table whose rows belong to a contract, by one link, or by one to a recipient's table and that one's."""

    table: LiveTable
    role: Role
    link: Link
    via: tuple[LiveTable, Link] | None = None


def role_of(table: LiveTable) -> Role:
    """What its name says; a log of e-mails is e-mails."""
    fits = {role: words.score(table.name, known) for role, known in _WORDS.items()}
    best = max(fits, key=lambda role: fits[role])
    if fits[best] < LEAST:
        return Role.OTHER
    if best is Role.LOG:
        return next((role for role in (Role.EMAIL, Role.REVIEW) if fits[role] >= LOGGED), best)
    return best


def find_children(survey: Survey, table: LiveTable) -> list[Child]:
    """The tables that belong to a contract's row, and the e-mails, reviews and signatures of its recipients."""
    direct = [Child(other, role_of(other), link) for other, link in children(survey, table)]
    seen = {table.oid, *(one.table.oid for one in direct)}
    further: dict[int, Child] = {}
    for parent in direct:
        if parent.role is Role.RECIPIENT and set(table.key) <= set(parent.link.to_columns):
            for other, link in children(survey, parent.table):
                role = role_of(other)
                if other.oid not in seen and role in (Role.EMAIL, Role.REVIEW, Role.SIGNATURE):
                    further.setdefault(other.oid, Child(other, role, link, via=(parent.table, parent.link)))
    return [*direct, *further.values()]


def contract_of(child: Child, table: LiveTable, *, both: bool = False) -> str:
    """SQL over old and new that gives the contract of a child's changed row; `both`: also of one that is deleted."""
    if child.via is not None:
        parent, to_contract = child.via
        by = matched("p", child.link.to_columns, "new", child.link.columns)
        return f"SELECT {identity(_key_columns('p', to_contract, table))} FROM {parent.sql} p WHERE {by}"
    if set(table.key) <= set(child.link.to_columns):
        new, old = _key_columns("new", child.link, table), _key_columns("old", child.link, table)
        parts = [f"coalesce({one}, {other})" for one, other in zip(new, old, strict=True)] if both else new
        return identity(parts)
    pairs = " AND ".join(
        f"{column_sql('c', theirs)} = "
        + (f"coalesce({column_sql('new', ours)}, {column_sql('old', ours)})" if both else column_sql("new", ours))
        for ours, theirs in zip(child.link.columns, child.link.to_columns, strict=True)
    )
    return f"SELECT {identity([column_sql('c', name) for name in table.key])} FROM {table.sql} c WHERE {pairs}"


def _key_columns(row: str, link: Link, table: LiveTable) -> list[str]:
    ours = dict(zip(link.to_columns, link.columns, strict=True))
    return [column_sql(row, ours.get(name, name)) for name in table.key]


def listing(
    survey: Survey, table: LiveTable, *, aliases: Aliases, taken: Taken, reading: Reading, notes: Notes
) -> list[Output]:
    """The columns of the contract query that list recipients, items, signatures and payments."""
    outputs = []
    for child in find_children(survey, table):
        if child.role not in LISTED or child.via is not None:
            continue
        indexed = child.table.led_by(child.link.columns)
        slow = not indexed and child.table.rows > SLOW_ROWS
        if not indexed:
            without = f"the {child.role} are left out below until it is there" if slow else ""
            notes.want(
                MissingIndex(child.table, listed(child.link.columns), f"finds a contract's {child.role}", without)
            )
        remark = f"{child.table.sql}: {child.role}, by " + ("foreign key" if child.link.declared else "its name alone")
        if slow:
            remark += "; left out until it has an index (see above): each commit would read the whole table"
        sql = _aggregate(child, aliases.of(child.table.name), reading)
        outputs.append(Output(sql, taken.name(child.role.value), remark, active=not slow))
    return outputs


def _aggregate(child: Child, alias: str, reading: Reading) -> str:
    shown = list(reported(child.table, child.link.columns))[:MOST_FIELDS]
    pairs = _packed([f"{literal(one.name)}, {reading.sql(child.table, alias, one)}" for one in shown])
    order = ", ".join(column_sql(alias, name) for name in child.table.primary_key)
    ordered = f" ORDER BY {order}" if order else ""
    return (
        f"coalesce((SELECT jsonb_agg(jsonb_build_object({pairs}){ordered})\n"
        f"          FROM {child.table.sql} {alias}\n"
        f"          WHERE {matched(alias, child.link.columns, 'c', child.link.to_columns)}), '[]')"
    )


def _packed(pairs: Sequence[str]) -> str:
    """The pairs in lines of a readable width."""
    lines = [""]
    for pair in pairs:
        if lines[-1] and len(lines[-1]) + len(pair) > WIDEST:
            lines.append("")
        lines[-1] += f"{', ' * bool(lines[-1])}{pair}"
    return f",\n{' ' * 21}".join(lines)


def described(table: LiveTable) -> str | None:
    """What belongs to one row of e-mails or reviews alone: who, and the verdict."""
    spoken = [one for one in reported(table, table.primary_key) if words.score(one.name, words.PEOPLE) >= LEAST]
    if not spoken:
        return None
    best = sorted(spoken, key=lambda one: -words.score(one.name, words.PEOPLE))[:3]
    pairs = ", ".join(f"{literal(one.name)}, new.{plain(one.name)}" for one in table.columns if one in best)
    return f"jsonb_build_object({pairs})"
