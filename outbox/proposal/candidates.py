"""Which table holds the contracts: by its name, its columns and what hangs on it."""

from collections.abc import Iterator
from dataclasses import dataclass

from outbox.errors import ConfigurationError, OutboxError
from outbox.proposal import words
from outbox.proposal.children import Role, find_children
from outbox.proposal.choice import Sureness
from outbox.proposal.expiry import deadline_of, find_deadline
from outbox.proposal.facts import LiveTable, Survey
from outbox.proposal.parties import company_way, unit_way
from outbox.proposal.status import status_column
from outbox.suggest import suggestion

LEAST_NAMED = 25.0
LEAST_UNNAMED = 42.0
NAMED = 16.0
CLEAR = 50.0
AHEAD = 12.0
LIKELY = 35.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A table, how much it reads like one of contracts, and what says so."""

    table: LiveTable
    points: float
    reasons: tuple[str, ...]
    named: bool

    @property
    def likely(self) -> bool:
        """Whether it may be taken without being named."""
        return bool(self.table.key) and self.points >= (LEAST_NAMED if self.named else LEAST_UNNAMED)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The contract table, how sure that is, and why."""

    table: LiveTable
    sureness: Sureness
    why: str


def candidates(survey: Survey) -> list[Candidate]:
    """Every table, the likeliest first."""
    return sorted((_weigh(survey, one) for one in survey.tables.values()), key=lambda one: -one.points)


def _weigh(survey: Survey, table: LiveTable) -> Candidate:
    name = 4 * max(words.score(table.name, words.CONTRACT), 0.5 * words.score(table.comment[:80], words.CONTRACT))
    found = [(name, f"its name is {table.name}"), *_structure(survey, table)]
    reasons = tuple(why for points, why in found if points > 0)
    return Candidate(table, sum(points for points, _ in found), reasons, name >= NAMED)


def _structure(survey: Survey, table: LiveTable) -> Iterator[tuple[float, str]]:
    last = words.singular(words.tokens(table.name)[-1]) if words.tokens(table.name) else ""
    yield (-40.0 if last in words.NO_CONTRACT else 0.0), ""
    below = find_children(survey, table)
    yield min(2.0 * len(below), 10.0), f"tables that belong to its rows: {len(below)}"
    roles = {one.role for one in below} - {Role.OTHER}
    yield min(4.0 * len(roles), 12.0), f"among them {', '.join(sorted(roles))}"
    yield (10.0 if status_column(survey, table) else 0.0), "it has a status"
    if deadline_of(table):
        yield 6.0, "it has a deadline"
    elif find_deadline(survey, table):
        yield 3.0, "a child of it has a deadline"
    yield (5.0 if unit_way(survey, table) else 0.0), "a business unit is linked"
    yield (5.0 if company_way(survey, table, None) else 0.0), "a company is linked"
    yield (3.0 if table.primary_key else -10.0), "it has a primary key"
    yield (-10.0 if len(table.columns) <= 3 else 0.0), ""  # noqa: PLR2004 (an id, a name and one more: a lookup)


def choose(survey: Survey, named: str | None) -> Chosen:
    """The contract table; raises where none reads like one, naming the nearest and how to say which."""
    if named is not None:
        table = find_table(survey, named, "--contract-table")
        if not table.key:
            raise ConfigurationError(
                f"--contract-table: expected a table with a key, got {table.sql}, which has neither primary key nor a"
                " unique column that is NOT NULL"
            )
        return Chosen(table, Sureness.SURE, "named by --contract-table")
    if not survey.tables:
        refused = f"; {len(survey.unreadable)} may not be read by this role" if survey.unreadable else ""
        raise OutboxError(f"init: expected a contract application's tables, got none that can be read{refused}")
    ranked = candidates(survey)
    best, others = ranked[0], ranked[1:]
    if not best.likely:
        nearest = "; ".join(f"{one.table.sql} ({', '.join(one.reasons) or 'nothing'})" for one in ranked[:3])
        raise OutboxError(
            f"init: no table reads like one of contracts. Nearest: {nearest}."
            f" Say which with --contract-table, such as: outbox init --contract-table {best.table.sql}"
        )
    gap = best.points - others[0].points if others else AHEAD
    why = ", ".join(best.reasons)
    if gap < AHEAD:
        return Chosen(
            best.table, Sureness.GUESS, f"{why}; but {others[0].table.sql} is as near: --contract-table tells"
        )
    sure = best.named and best.points >= CLEAR
    return Chosen(
        best.table, Sureness.SURE if sure else Sureness.LIKELY if best.points >= LIKELY else Sureness.GUESS, why
    )


def find_table(survey: Survey, written: str, option: str) -> LiveTable:
    """The table of that name, with or without schema and quotes; raises ConfigurationError."""
    folded = written.replace('"', "")
    found = [one for one in survey.tables.values() if folded in (one.name, f"{one.schema}.{one.name}")]
    found = found or [one for one in survey.tables.values() if folded.casefold() == one.name.casefold()]
    if len(found) == 1:
        return found[0]
    known = [one.sql for one in survey.tables.values()]
    if found:
        raise ConfigurationError(f"{option}: {written!r} stands in several schemas: {', '.join(x.sql for x in found)}")
    raise ConfigurationError(
        f"{option}: expected a table that this role may read, got {written!r}; {suggestion(written, known)}"
    )
