"""The commands expiry scan, upcoming, backfill: contracts whose time is up."""

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from outbox import audit
from outbox.answers import print_csv, print_json
from outbox.cli.context import confirm, engine_of, settings_of
from outbox.cli.forms import Format, FormatWord, chosen_format
from outbox.cli.sentences import SentencesGroup
from outbox.cli.tables import Column, Shape, print_table
from outbox.db import first_line, is_transient
from outbox.doctor.ground import counted
from outbox.duration import parse_duration
from outbox.errors import ConfigurationError, OutboxError
from outbox.expiry import Scanner, before_install, overdue, upcoming
from outbox.expiry_store import Due
from outbox.moment import parse_moment, write_moment

_DEADLINES = Shape(
    "deadlines",
    (
        Column("deadline (UTC)", "deadline"),
        Column("contract", "contract_id", folds=True),
        Column("subject", "subject", folds=True),
    ),
)
_TABLE_LIMIT = 50
_LONGEST_DAYS = 36_500
_NOT_THE_MAPPING = ("42501", "57014")
"""A right that the caller lacks, a statement that was ended."""
_Limit = Annotated[
    int | None,
    typer.Option(
        help="At most so many, the oldest.  [default: 50 in a table, all in JSON and CSV]", min=1, metavar="NUMBER"
    ),
]

app = typer.Typer(cls=SentencesGroup, no_args_is_help=True, rich_markup_mode=None)


def register(parent: typer.Typer) -> None:
    """Adds the group expiry."""
    app.command("scan")(_scan)
    app.command("upcoming")(_upcoming)
    app.command("backfill")(_backfill)
    parent.add_typer(app, name="expiry", help="Contracts whose time is up: the trigger `expired`.")


def _scan(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be raised, change nothing.")] = False,
    limit: _Limit = None,
    form: FormatWord = None,
) -> None:
    """Raise `expired` now for every deadline that passed, as `outbox run` does by itself; looks at all of them."""
    with engine_of(context) as engine, _fits():
        if dry_run:
            chosen = chosen_format(form)
            with engine.connect() as connection:
                _print(overdue(connection, most=limit or _limit_of(chosen)), chosen)
            return
        with engine.connect() as connection:
            overdue(connection, most=1)  # refused where nothing is installed
        scanner = Scanner(engine, settings_of(context).expiry, by=_name())
        raised = scanner.scan(asked=True, sweep=True).raised
    _say(raised or 0, scanner.failures)


def _upcoming(
    context: typer.Context,
    *,
    within: Annotated[str, typer.Option(help="How far ahead: a duration such as 12h or 7d.")] = "7d",
    limit: _Limit = None,
    form: FormatWord = None,
) -> None:
    """List the deadlines that will pass soon, as things stand."""
    chosen = chosen_format(form)
    seconds = _seconds(within)
    with engine_of(context) as engine, _fits(), engine.connect() as connection:
        _print(upcoming(connection, seconds=seconds, most=limit or _limit_of(chosen)), chosen)


def _backfill(
    context: typer.Context,
    *,
    since: Annotated[str, typer.Option(help="From this moment on: how long ago, such as 30d, or 2026-11-01.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Raise `expired` for open contracts whose deadline passed before the install: count, ask, raise."""
    with engine_of(context) as engine, _fits():
        with engine.connect() as connection:
            try:
                moment = parse_moment(since, now=audit.clock(connection))
            except ValueError as error:
                raise ConfigurationError(f"--since: {error}") from None
            looked, count = before_install(connection, moment)
        if count.first is None or count.last is None:
            until = write_moment(looked.until)
            typer.echo(f"no deadline between {write_moment(moment)} and {until} has raised nothing; nothing to do")
            return
        span = f"the first of {write_moment(count.first)}, the last of {write_moment(count.last)}"
        confirm(f"{counted(count.deadlines, 'deadline')} passed before the install, {span}. Raise them?", yes=yes)
        scanner = Scanner(engine, settings_of(context).expiry, by=_name())
        raised = sum(scanner.raise_all(looked))
    _say(raised, scanner.failures)


@contextmanager
def _fits() -> Iterator[None]:
    """What the installed mapping's own SQL can't do is told with the mend."""
    try:
        yield
    except DBAPIError as error:
        if is_transient(error) or getattr(error.orig, "sqlstate", None) in _NOT_THE_MAPPING:
            raise
        raise OutboxError(
            f"the installed mapping no longer fits: {first_line(error)}; mend source.toml, `outbox install`"
        ) from error


def _say(raised: int, failures: int) -> None:
    failed = f"; {failures} can't be read: see `outbox doctor`, then `outbox recapture`" if failures else ""
    typer.echo(f"raised {counted(raised, 'deadline')}{failed}")


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}: outbox expiry"


def _seconds(written: str) -> float:
    try:
        seconds = parse_duration(written)
    except ValueError as error:
        raise ConfigurationError(f"--within: {error}") from None
    if not 0 < seconds <= _LONGEST_DAYS * 86_400:
        raise ConfigurationError(f"--within: expected up to {_LONGEST_DAYS}d, got {written!r}")
    return seconds


def _limit_of(form: Format) -> int | None:
    return _TABLE_LIMIT if form is Format.TABLE else None


def _print(found: Sequence[Due], form: Format) -> None:
    rows = [asdict(one) for one in found]
    columns = [str(column.of) for column in _DEADLINES.columns]
    if form is Format.TABLE:
        print_table(rows, _DEADLINES, sys.stdout)
    elif form is Format.JSON:
        print_json(rows, columns, sys.stdout)
    else:
        print_csv(rows, columns, sys.stdout)
