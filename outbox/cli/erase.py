"""The command erase: says what a contract's content is, asks, takes it out, tells what it took."""

from typing import Annotated

import typer

from outbox.cli.author import As, name_of
from outbox.cli.context import confirm, engine_of
from outbox.doctor.ground import counted
from outbox.erasure import Content, Erased, content_of, erase
from outbox.errors import ConfigurationError, OutboxError, RefusedError


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("erase")(_erase)


def _erase(
    context: typer.Context,
    *,
    contract: Annotated[str, typer.Option(help="Id of the contract.", metavar="ID")],
    reason: Annotated[str, typer.Option(help="Why: it stays on record, so name no person.", metavar="WORDS")],
    by: As = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
) -> None:
    """Take a contract's content out of events, reports, answers and capture errors, for good; cancel what waits."""
    if not reason.strip() or not reason.isprintable():
        raise ConfigurationError(f"--reason: expected words, got {reason!r}")
    who = name_of(by)
    with engine_of(context) as engine:
        with engine.connect() as connection:
            found = content_of(connection, contract)
        if found.nothing:
            raise RefusedError(f"contract {contract!r}: no content is kept, nothing was done; is that its id?")
        waiting = counted(found.waiting, "delivery", "deliveries")
        typer.echo(f"contract {contract!r}: content in {_told(found)}; {waiting} waiting")
        if found.unclear_errors:
            typer.echo(f"besides, nobody can tell whose: {counted(found.unclear_errors, 'capture error')}")
        confirm("Erase and cancel it? Nothing brings it back.", yes=yes)
        with engine.begin() as connection:
            done = erase(connection, contract, by=who, reason=reason.strip())
    cancelled = counted(done.cancelled, "delivery", "deliveries")
    typer.echo(f"erased in {_told(done)}; {cancelled} cancelled; it is on record in outbox_audit.erasures")
    if done.unclear_errors:
        raise OutboxError(
            f"{counted(done.unclear_errors, 'capture error')} waits and nobody can tell whose it is: mend source.toml,"
            " `outbox install`, `outbox recapture`, and erase again"
        )


def _told(of: Content | Erased) -> str:
    parts = (counted(of.events, "event"), counted(of.deliveries, "report"), counted(of.attempts, "attempt"))
    return ", ".join((*parts, counted(of.capture_errors, "capture error"), counted(of.notes, "note")))
