"""The command `outbox demo`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("demo")(_demo)


def _demo(
    *,
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=1, metavar="SECONDS", help="Stop after so long.  [default: at Ctrl-C]"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Folder for database, logs and books; kept.  [default: a temporary one, kept when something fails]"
        ),
    ] = None,
    rate: Annotated[
        float, typer.Option(min=1, max=1000, help="Transactions a second of the simulated application.")
    ] = 40,
    postgres: Annotated[int, typer.Option(help="Version of the embedded PostgreSQL: 16 or 18.")] = 16,
) -> None:
    """Show the whole walk: a contract application, its outbox, real receivers, and books that must agree."""
    from outbox_demo.run import run

    raise typer.Exit(run(seconds=seconds, folder=folder, rate=rate, version=postgres))
