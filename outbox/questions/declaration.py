"""What a question's file declares: the question itself, its parameters, its statement (pure).

The file begins with comment lines that say what is asked. Then come its parameters, a line each:

    -- param connector (connector): whose receiver
    -- param since (moment, default 7d): from this moment on
    -- param contract (text, optional): this contract alone

In the statement `:connector` stands for the value, NULL where an optional one was left out. `:within`, which no line
declares, stands for the business units that who asks is limited to, NULL where all are theirs to see.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from outbox.errors import ConfigurationError
from outbox.suggest import suggestion

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PARAMETER = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*)"
    r" \((?P<kind>[a-z ]+?)(?:, (?:(?P<optional>optional)|default (?P<default>[^()]+)))?\):"
    r" (?P<words>\S.*)"
)
_BIND = re.compile(r"(?<![:\w\\]):(\w+)\b(?!:)")
_CAST_AWAY = re.compile(r"(?<![:\w\\]):(\w+)::")
_ASKS = re.compile(r"[\s(]*(SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)
_NOT_STATEMENT = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\"", re.DOTALL)
_FORM = "-- param NAME (TYPE): words, or (TYPE, optional) or (TYPE, default VALUE)"
RESERVED = ("format", "help", "limit", "output", "timeout")
"""Options that every question has, or may have, of itself."""
WITHIN = "within"
"""The bind by which a statement keeps to the business units of who asks."""


class Kind(StrEnum):
    """The types of parameters; beside each, what the statement gets."""

    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"
    FLAG = "flag"
    TRIGGER = "trigger"
    CONNECTOR = "connector"
    BUSINESS_UNIT = "business unit"
    ZONE = "zone"


WRITTEN = {
    Kind.TEXT: "TEXT",
    Kind.NUMBER: "NUMBER",
    Kind.MOMENT: "MOMENT",
    Kind.FLAG: "",
    Kind.TRIGGER: "TRIGGER",
    Kind.CONNECTOR: "NAME",
    Kind.BUSINESS_UNIT: "UNIT",
    Kind.ZONE: "ZONE",
}
"""How help names a value of each type."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a question needs to be told; without `required`, `default` stands for it, None meaning NULL."""

    name: str
    kind: Kind
    words: str
    required: bool
    default: str | None = None

    @property
    def option(self) -> str:
        """How it is written on the command line."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class NamedQuestion:
    """A question that has a name: `answers` says in words what it asks, `statement` asks it.

    A `scoped` one keeps to the business units of who asks; who is limited to some may ask no other.
    """

    name: str
    answers: str
    parameters: tuple[Parameter, ...]
    statement: str
    scoped: bool = False

    @property
    def title(self) -> str:
        """The question itself: what stands before the first question mark, else the first sentence."""
        asked, mark, _ = self.answers.partition("?")
        return asked + mark if mark else self.answers.partition(". ")[0].removesuffix(".") + "."


def declare(name: str, text: str) -> NamedQuestion:
    """Reads a question's file; raises ConfigurationError with every fault, each beginning with the name."""
    faults: list[str] = []
    if not _NAME.fullmatch(name):
        faults.append(f"expected a file name of small letters, digits and hyphens, got {name!r}; rename the file")
    words, written, rest = _parted(text)
    if not words:
        faults.append("expected a first comment that says what is asked, got none; add it above the rest")
    if not rest:
        faults.append("expected a statement below the comments, got none")
    elif not _ASKS.match(_bare(rest)):
        faults.append(f"expected a statement that only asks: SELECT, WITH, VALUES or TABLE; got {rest.split()[0]!r}")
    parameters = [one for line in written if (one := _parameter(line, faults)) is not None]
    known = [one.name for one in parameters]
    bound = set(_BIND.findall(_bare(rest)))
    faults += [f"parameter {one!r} is declared twice; remove one" for one in sorted(set(known)) if known.count(one) > 1]
    faults += [
        f":{bind} stands in the statement and is not declared; {suggestion(bind, known)} Add: {_FORM}"
        for bind in sorted(bound - {WITHIN, *known})
        if len(known) == len(written)
    ]
    faults += [
        f"expected CAST(:{bind} AS type), got :{bind}::, which binds nothing; write the cast so"
        for bind in sorted(set(_CAST_AWAY.findall(_bare(rest))))
    ]
    if faults:
        raise ConfigurationError(*(f"question {name}: {fault}" for fault in faults))
    scoped = WITHIN in bound
    statement = _BIND.sub(_only([*known, WITHIN] if scoped else known), rest)
    return NamedQuestion(name, words, tuple(parameters), statement, scoped)


def binds(statement: str) -> frozenset[str]:
    """The parameters that a question's statement names."""
    return frozenset(_BIND.findall(statement))


def _only(known: Collection[str]) -> Callable[[re.Match[str]], str]:
    """Leaves these names binds; another one stands in a comment or a text, and is marked as no bind."""
    return lambda found: found[0] if found[1] in known else "\\" + found[0]


def _parted(text: str) -> tuple[str, list[str], str]:
    """The first comment as one line of words, what follows `-- param` on each such line, and the statement."""
    words: list[str] = []
    written: list[str] = []
    lines = text.strip().splitlines()
    while lines and (lines[0].startswith("--") or not lines[0].strip()):
        line = lines.pop(0).removeprefix("--").strip()
        if line.startswith("param "):
            written.append(line.removeprefix("param ").strip())
        elif line and not written:
            words.append(line)
    return " ".join(words), written, "\n".join(lines).strip().rstrip(";")


def _bare(statement: str) -> str:
    return _NOT_STATEMENT.sub(" ", statement)


def _parameter(line: str, faults: list[str]) -> Parameter | None:
    found = _PARAMETER.fullmatch(line)
    if found is None:
        faults.append(f"expected {_FORM}; got '-- param {line}'")
        return None
    kind = found["kind"]
    if kind not in set(Kind):
        faults.append(
            f"parameter {found['name']!r}: unknown type {kind!r}; {suggestion(kind, (one.value for one in Kind))}"
        )
        return None
    if found["name"] == WITHIN:
        faults.append(
            f"parameter {WITHIN!r}: it is bound by itself, to the business units of who asks; remove the line"
        )
        return None
    if found["name"] in RESERVED:
        faults.append(f"parameter {found['name']!r}: every question has an option of that name; choose another")
        return None
    required = found["optional"] is None and found["default"] is None and kind != Kind.FLAG
    return Parameter(found["name"], Kind(kind), found["words"], required, found["default"])
