"""What was chosen, how sure that is, and why: what people read before they trust a proposal."""

from dataclasses import dataclass, field
from enum import StrEnum

from outbox.proposal.facts import LiveTable


class Sureness(StrEnum):
    """How far a choice can be trusted."""

    SURE = "sure"
    LIKELY = "likely"
    GUESS = "guess"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice: of what, what was taken, how sure, and why."""

    what: str
    chosen: str
    sureness: Sureness
    why: str


REFUSED = "without it `outbox plan` refuses"


@dataclass(frozen=True, slots=True)
class ProposedRule:
    """A [[capture]] with its reason; not `active`: written in comments."""

    trigger: str
    table: str
    on: tuple[str, ...]
    contract: str
    sureness: Sureness
    why: str
    when: str | None = None
    detail: str | None = None
    ignore: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the contract query; with a `remark` where it is not simply the column of that name."""

    sql: str
    name: str
    remark: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class MissingIndex:
    """An index that a lookup wants; `without` says what else happens, where that is more than a slow lookup."""

    table: LiveTable
    columns: str
    why: str
    without: str = ""
    unique: bool = False

    @property
    def reason(self) -> str:
        """What it is for, how large its table is, and what happens without it."""
        rows = f" (about {self.table.rows:.0f} rows)" if self.table.analyzed else ""
        return f"{self.why}{rows}" + (f"; {self.without}" if self.without else "")

    @property
    def ddl(self) -> str:
        """The statement that makes it without holding the application up; partitioned tables can't have that."""
        how = "" if self.table.partitioned else " CONCURRENTLY"
        return f"CREATE{' UNIQUE' * self.unique} INDEX{how} ON {self.table.sql} ({self.columns});"


@dataclass
class Notes:
    """What a proposal collects on its way."""

    choices: list[Choice] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    indexes: list[MissingIndex] = field(default_factory=list)

    def choose(self, what: str, chosen: str, sureness: Sureness, why: str) -> Choice:
        """Writes a choice down."""
        self.choices.append(Choice(what, chosen, sureness, why))
        return self.choices[-1]

    def ask(self, question: str) -> None:
        """Writes down what only people can know."""
        if question not in self.questions:
            self.questions.append(question)

    def want(self, index: MissingIndex) -> None:
        """Writes down an index that is missing, once."""
        if (index.table.oid, index.columns) not in {(one.table.oid, one.columns) for one in self.indexes}:
            self.indexes.append(index)


@dataclass
class Taken:
    """The names that the contract query's columns have already."""

    names: set[str] = field(default_factory=lambda: {"contract_id", "business_unit", "status", "company", "expires_at"})

    def name(self, wanted: str) -> str:
        """The wanted name, numbered where it is taken."""
        chosen, number = wanted, 1
        while chosen in self.names:
            number += 1
            chosen = f"{wanted}_{number}"
        self.names.add(chosen)
        return chosen
