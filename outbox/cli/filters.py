"""The filters that asking and replaying share, as people type them."""

from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias, TypeVar

import typer
from sqlalchemy import Connection

from outbox import audit
from outbox.audit import Question
from outbox.errors import ConfigurationError
from outbox.model import Outcome, State, Trigger
from outbox.moment import parse_moment
from outbox.suggest import suggestion

Contract: TypeAlias = Annotated[str | None, typer.Option(help="Id of the contract.")]
BusinessUnit: TypeAlias = Annotated[str | None, typer.Option(help="Business unit: its id, or its unambiguous name.")]
TriggerWord: TypeAlias = Annotated[
    str | None, typer.Option("--trigger", help="What was captured: create, update, send, review or expired.")
]
ConnectorName: TypeAlias = Annotated[str | None, typer.Option("--connector", help="Name of the connector.")]
StateWord: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--state", help="State of the delivery: pending, leased, held, blocked, delivered, dead or cancelled."
    ),
]
Since: TypeAlias = Annotated[
    str | None, typer.Option(help="From this moment on: how long ago, such as 2h or 7d, or 2026-11-01T10:00:00Z.")
]
Until: TypeAlias = Annotated[str | None, typer.Option(help="Before this moment, written as for --since.")]

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The filters as they were typed."""

    contract: str | None
    business_unit: str | None
    trigger: str | None
    connector: str | None
    state: str | None
    since: str | None
    until: str | None
    outcome: str | None = None
    event: int | None = None

    def any(self) -> bool:
        """Whether there is one."""
        return any(value is not None for value in astuple(self))

    def question(self, connection: Connection, *, limit: int | None, state: State | None = None) -> Question:
        """The question that they ask, with this `state` where none was typed; ConfigurationError with every fault."""
        now = audit.clock(connection)
        faults: list[str] = []
        asked = Question(
            event=self.event,
            contract=self.contract,
            business_unit=self.business_unit,
            connector=self.connector,
            trigger=known_word(Trigger, "trigger", self.trigger, faults),
            state=known_word(State, "state", self.state, faults) or state,
            outcome=known_word(Outcome, "outcome", self.outcome, faults),
            since=_moment("since", self.since, now, faults),
            until=_moment("until", self.until, now, faults),
            limit=limit,
        )
        if asked.since is not None and asked.until is not None and asked.since >= asked.until:
            faults.append(f"--since: expected a moment before --until, got {self.since!r} and {self.until!r}")
        if faults:
            raise ConfigurationError(*faults)
        return asked


def known_word(kind: type[_Word], option: str, written: str | None, faults: list[str]) -> _Word | None:
    """The word of this kind; an unknown one adds a fault with the nearest known one."""
    if written is None:
        return None
    known = {word.value: word for word in kind}
    if written not in known:
        faults.append(f"--{option}: expected a known word, got {written!r}; {suggestion(written, known)}")
    return known.get(written)


def _moment(option: str, written: str | None, now: datetime, faults: list[str]) -> datetime | None:
    if written is None:
        return None
    try:
        return parse_moment(written, now=now)
    except ValueError as error:
        faults.append(f"--{option}: {error}")
        return None
