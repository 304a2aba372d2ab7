"""Commands that ask: events, deliveries, attempts, timeline."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, TypeAlias

import typer
from sqlalchemy import Connection

from outbox import audit
from outbox.answers import change_words, print_csv, print_json
from outbox.audit import Answer, Question
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
)
from outbox.cli.forms import Format, FormatWord, chosen_format
from outbox.cli.tables import Column, Row, Shape, print_table
from outbox.model import Outcome

Event: TypeAlias = Annotated[int | None, typer.Option(help="Id of the event.")]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="At most so many, the newest.  [default: 50 in a table, all in JSON and CSV]", min=1, metavar="NUMBER"
    ),
]
_TABLE_LIMIT = 50


def _outcome(row: Row) -> str:
    """How an attempt ended, and what that settled: `http_error 500, dead`."""
    status = f" {row['status_code']}" if row["status_code"] is not None else ""
    return f"{row['outcome']}{status}" + (f", {row['settled']}" if row["settled"] else "")


_EVENTS = Shape(
    "events",
    (
        Column("event", "event_id"),
        Column("occurred at (UTC)", "occurred_at"),
        Column("trigger", "trigger"),
        Column("contract", "contract_id", folds=True),
        Column("business unit", "business_unit", folds=True),
        Column("status", "status", folds=True),
        Column("part of", "coalesced_into"),
        Column("changed", lambda row: change_words(row["changed"]), long=True),
    ),
)
_DELIVERIES = Shape(
    "deliveries",
    (
        Column("event", "event_id"),
        Column("connector", "connector", folds=True),
        Column("trigger", "trigger"),
        Column("contract", "contract_id", folds=True),
        Column("state", "state", coloured=True),
        Column("tried", "attempts"),
        Column("due or done at (UTC)", lambda row: row["due_at"] or row["finished_at"]),
        Column("behind", "blocked_by"),
        Column("last error", "last_error", long=True),
    ),
)
_ATTEMPTS = Shape(
    "attempts",
    (
        Column("event", "event_id"),
        Column("connector", "connector", folds=True),
        Column("contract", "contract_id", folds=True),
        Column("no.", "number"),
        Column("kind", lambda row: None if row["kind"] == "auto" else row["kind"]),
        Column("started at (UTC)", "started_at"),
        Column("ms", "duration_ms"),
        Column("outcome", _outcome, folds=True, coloured=True),
        Column("error", "error", long=True),
    ),
)
_TIMELINE = Shape(
    "happenings",
    (
        Column("at (UTC)", "at"),
        Column("event", "event_id"),
        Column("what happened", lambda row: ": ".join(filter(None, (row["connector"], row["words"]))), long=True),
    ),
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
    event: Event = None,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    form: FormatWord = None,
) -> None:
    """List captured events, newest first; --connector and --state: those with such a delivery."""
    filters = Filters(
        event=event,
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
    event: Event = None,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    form: FormatWord = None,
) -> None:
    """List deliveries and where they stand, newest first."""
    filters = Filters(
        event=event,
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
    event: Event = None,
    contract: Contract = None,
    business_unit: BusinessUnit = None,
    trigger: TriggerWord = None,
    connector: ConnectorName = None,
    state: StateWord = None,
    outcome: Annotated[str | None, typer.Option(help=f"How the attempt ended: {', '.join(Outcome)}.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    form: FormatWord = None,
) -> None:
    """List attempts, newest first; JSON and CSV hold the exact requests and answers."""
    filters = Filters(
        event=event,
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
    chosen = chosen_format(form)
    with engine_of(context) as engine, engine.connect() as connection:
        rows = audit.timeline(connection, contract)
    _print(rows, audit.TIMELINE, _TIMELINE, chosen)


def _answer(
    context: typer.Context,
    ask: Callable[[Connection, Question], Iterator[Answer]],
    filters: Filters,
    *,
    limit: int | None,
    columns: Sequence[str],
    shape: Shape,
    form: str | None,
) -> None:
    """Prints the answer; a table has its own limit, an export is cut only where somebody asked for that."""
    chosen = chosen_format(form)
    most = _TABLE_LIMIT if limit is None and chosen is Format.TABLE else limit
    with engine_of(context) as engine, engine.connect() as connection:
        rows = ask(connection, filters.question(connection, limit=most))
        if most is None:
            _print(rows, columns, shape, chosen)
            return
        found = list(rows)
    _print(found, columns, shape, chosen)
    if len(found) == most:
        typer.echo(f"the newest {most}; more with --limit", err=True)


def _print(rows: Iterable[Answer], columns: Sequence[str], shape: Shape, form: Format) -> None:
    match form:
        case Format.TABLE:
            print_table(list(rows), shape, sys.stdout)
        case Format.JSON:
            print_json(rows, columns, sys.stdout)
        case Format.CSV:
            print_csv(rows, columns, sys.stdout)
