"""The commands `outbox connectors ...`: as code, by hand, and trying them out."""

from typing import Annotated, TypeAlias

import typer

from outbox.cli import connectors_code, connectors_send, connectors_show, connectors_write
from outbox.cli.author import As, author_of
from outbox.cli.context import box_of, confirm, engine_of
from outbox.cli.sentences import SentencesGroup
from outbox.connector_edits import disable_connector, enable_connector, remove_connector
from outbox.connector_rekey import rekey
from outbox.connectors import find_connector, waiting_deliveries

app = typer.Typer(
    cls=SentencesGroup,
    help="Say where and how to report: as code, by command, and try it out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name: TypeAlias = Annotated[str, typer.Argument(help="Name of the connector.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


def _enable(context: typer.Context, name: Name, *, yes: Yes = False, by: As = None) -> None:
    """Let a connector's deliveries go out: says how many wait, and asks."""
    author, box = author_of(by), box_of(context)
    with engine_of(context) as engine:
        with engine.connect() as connection:
            standing = find_connector(connection, box, name)
            waiting = waiting_deliveries(connection, [standing.id])[standing.id]
        if standing.enabled and standing.held_reason is None:
            typer.echo(f"connector {name!r} is enabled; nothing to do")
            return
        if waiting:
            confirm(f"{_deliveries(waiting)} for {name!r} and will be sent. Enable it?", yes=yes)
        with engine.begin() as connection:
            enable_connector(connection, standing.id, author=author)
    typer.echo(f"connector {name!r} is enabled; {_deliveries(waiting)} for it")


def _disable(
    context: typer.Context,
    name: Name,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever looks later.")] = None,
    discard: Annotated[
        bool, typer.Option("--discard", help="Cancel what waits and make no deliveries until it is enabled.")
    ] = False,
    yes: Yes = False,
    by: As = None,
) -> None:
    """Stop a connector's deliveries: they wait, and further ones with them, until it is enabled."""
    author, box = author_of(by), box_of(context)
    words = reason or f"disabled by {author.name}"
    with engine_of(context) as engine:
        with engine.connect() as connection:
            standing = find_connector(connection, box, name)
            waiting = waiting_deliveries(connection, [standing.id])[standing.id]
        if discard and waiting:
            confirm(f"{_deliveries(waiting)} for {name!r} and will be cancelled. Disable it?", yes=yes)
        with engine.begin() as connection:
            cancelled = disable_connector(connection, standing.id, reason=words, author=author, discard=discard)
    if cancelled is None:
        typer.echo(f"connector {name!r} is disabled already ({standing.disabled_reason}); nothing to do")
    elif discard:
        typer.echo(f"connector {name!r} is disabled; {_count(cancelled)} cancelled, further ones are not made")
    else:
        typer.echo(f"connector {name!r} is disabled; its deliveries wait ({waiting} now) until it is enabled")


def _remove(context: typer.Context, name: Name, *, yes: Yes = False, by: As = None) -> None:
    """Remove a connector and cancel what waits for it; its history stays."""
    author, box = author_of(by), box_of(context)
    with engine_of(context) as engine:
        with engine.connect() as connection:
            standing = find_connector(connection, box, name)
            waiting = waiting_deliveries(connection, [standing.id])[standing.id]
        confirm(
            f"{_deliveries(waiting)} for {name!r}{' and will be cancelled' if waiting else ''}. Remove it?", yes=yes
        )
        with engine.begin() as connection:
            cancelled = remove_connector(connection, standing, author=author)
    typer.echo(f"connector {name!r} is removed; {_count(cancelled)} cancelled")


def _rekey(context: typer.Context) -> None:
    """Encrypt all stored secrets anew with the first of OUTBOX_SECRET_KEYS."""
    with engine_of(context) as engine, engine.begin() as connection:
        done = rekey(connection, box_of(context))
    connectors = "connector has its" if done.done == 1 else "connectors have their"
    typer.echo(f"{done.done} {connectors} secrets under the first key now")
    for name in done.unopened:
        typer.echo(f"connector {name!r}: no key opens its secret; add that key, or set the secret again", err=True)
    if done.unopened:
        raise typer.Exit(1)


def _count(number: int) -> str:
    return f"{number} {'delivery' if number == 1 else 'deliveries'}"


def _deliveries(waiting: int) -> str:
    if not waiting:
        return "no delivery waits"
    return f"{_count(waiting)} {'waits' if waiting == 1 else 'wait'}"


for part in (connectors_show, connectors_code, connectors_write):
    part.register(app)
app.command("enable")(_enable)
app.command("disable")(_disable)
app.command("remove")(_remove)
connectors_send.register(app)
app.command("rekey")(_rekey)
