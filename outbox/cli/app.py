"""The tree of commands."""

from pathlib import Path
from typing import Annotated

import typer

from outbox import __version__
from outbox.cli import (
    alerts,
    ask,
    connectors,
    demo,
    doctor,
    erase,
    expiry,
    init,
    questions,
    replay,
    service,
    source,
    tokens,
    users,
    web,
)
from outbox.cli.context import Chosen
from outbox.cli.sentences import SentencesGroup

app = typer.Typer(
    name="outbox",
    cls=SentencesGroup,
    help="Captures contract changes in PostgreSQL, in the application's own transaction, and reports them to webhooks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"contract-outbox {__version__}")
        raise typer.Exit


@app.callback()
def _before(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Folder of outbox.toml, source.toml, connectors.toml.  [default: OUTBOX_CONFIG, else ./config]"
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    del version  # its callback has answered
    context.obj = Chosen(config)


for part in (service, web, source, init, expiry, ask, replay, erase, doctor, alerts, demo):
    part.register(app)
app.add_typer(connectors.app, name="connectors")
app.add_typer(users.app, name="users")
app.add_typer(tokens.app, name="tokens")
app.add_typer(questions.app, name="ask")
