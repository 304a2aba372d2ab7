"""Commands that ask: events, deliveries, attempts, timeline."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias

import typer
from sqlalchemy import Connection

from outbox import audit
from outbox.audit import Answer, Question
from outbox.cli.answers import Format, Shape, print_answers
from outbox.cli.context import engine_of
from outbox.cli.filters import (
    BusinessUnit,
    ConnectorName,
    Contract,
    Filters,
    Since,
    StateWord,
    TriggerWord,
    Until,
    known_word,
)
from outbox.errors import ConfigurationError

Limit: TypeAlias = Annotated[int, typer.Option(help="At most so many, the newest.", min=1)]
FormatWord: TypeAlias = Annotated[
    str | None, typer.Option("--format", help="table, json or csv.  [default: table on a terminal, else json]")
]

_EVENTS = Shape(
    "events",
    {
        "event_id": "event",
        "occurred_at": "occurred at (UTC)",
        "trigger": "trigger",
        "contract_id": "contract",
        "business_unit": "business unit",
        "status": "status",
        "changed": "changed",
        "coalesced_into": "part of",
    },
)
_DELIVERIES = Shape(
    "deliveries",
    {
        "event_id": "event",
        "connector": "connector",
        "trigger": "trigger",
        "contract_id": "contract",
        "state": "state",
        "attempts": "attempts",
        "due_at": "due at (UTC)",
        "finished_at": "finished at (UTC)",
        "blocked_by": "behind",
        "last_error": "last error",
    },
)
_ATTEMPTS = Shape(
    "attempts",
    {
        "event_id": "event",
        "connector": "connector",
        "contract_id": "contract",
        "number": "no.",
        "kind": "kind",
        "started_at": "started at (UTC)",
        "duration_ms": "ms",
        "outcome": "outcome",
        "status_code": "status",
        "error": "error",
        "settled": "settled",
    },
)
_TIMELINE = Shape(
    "happenings",
    {
        "at": "at (UTC)",
        "what": "what",
        "event_id": "event",
        "connector": "connector",
        "words": "words",
    },
)


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("events")(_events)
    app.command("deliveries")(_deliveries)
    app.command("attempts")(_attempts)
    app.command("timeline")(_timeline)


def _events(
    context: typer.Context,
    *,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    form: FormatWord = None,
) -> None:
    """List captured events, newest first; --connector and --state: those with such a delivery."""
    filters = Filters(
        contract=contract,
        business_unit=business_unit,
        trigger=trigger,
        connector=connector,
        state=state,
        since=since,
        until=until,
    )
    _answer(context, audit.events, filters, limit=limit, columns=audit.EVENTS, shape=_EVENTS, form=form)


def _deliveries(
    context: typer.Context,
    *,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    form: FormatWord = None,
) -> None:
    """List deliveries and where they stand, newest first."""
    filters = Filters(
        contract=contract,
        business_unit=business_unit,
        trigger=trigger,
        connector=connector,
        state=state,
        since=since,
        until=until,
    )
    _answer(context, audit.deliveries, filters, limit=limit, columns=audit.DELIVERIES, shape=_DELIVERIES, form=form)


def _attempts(
    context: typer.Context,
    *,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    outcome: Annotated[str | None, typer.Option(help="ok, http_error, timeout, ...")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    form: FormatWord = None,
) -> None:
    """List attempts, newest first; JSON and CSV hold the exact requests and answers."""
    filters = Filters(
        contract=contract,
        business_unit=business_unit,
        trigger=trigger,
        connector=connector,
        state=state,
        since=since,
        until=until,
        outcome=outcome,
    )
    _answer(context, audit.attempts, filters, limit=limit, columns=audit.ATTEMPTS, shape=_ATTEMPTS, form=form)


def _timeline(
    context: typer.Context,
    contract: Annotated[str, typer.Argument(help="Id of the contract.")],
    *,
    form: FormatWord = None,
) -> None:
    """Tell everything about one contract in order: events, decisions, attempts."""
    chosen = _format(form)
    with engine_of(context) as engine, engine.connect() as connection:
        rows = audit.timeline(connection, contract)
    print_answers(rows, audit.TIMELINE, _TIMELINE, chosen)


def _answer(
    context: typer.Context,
    ask: Callable[[Connection, Question], list[Answer]],
    filters: Filters,
    *,
    limit: int,
    columns: Sequence[str],
    shape: Shape,
    form: str | None,
) -> None:
    chosen = _format(form)
    with engine_of(context) as engine, engine.connect() as connection:
        rows = ask(connection, filters.question(connection, limit=limit))
    print_answers(rows, columns, shape, chosen)
    if len(rows) == limit and chosen is Format.TABLE:
        typer.echo(f"the newest {limit}; more with --limit", err=True)


def _format(written: str | None) -> Format:
    if written is None:
        return Format.TABLE if sys.stdout.isatty() else Format.JSON
    faults: list[str] = []
    found = known_word(Format, "format", written, faults)
    if found is None:
        raise ConfigurationError(*faults)
    return found
