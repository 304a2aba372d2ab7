"""The commands `outbox demo`, `outbox sample` and `outbox examples`: for trying it out, and for starting from."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from outbox.cli.sentences import SentencesGroup
from outbox.errors import ConfigurationError, OutboxError
from outbox.resources import folder as shipped

_EXAMPLES = ("outbox.toml", "source.toml", "connectors.toml")
SampleFolder: TypeAlias = Annotated[Path, typer.Argument(help="Folder of the sample.")]
sample = typer.Typer(
    cls=SentencesGroup,
    help="Start or stop a sample contract database (embedded PostgreSQL) and a receiver, to try everything on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("demo")(_demo)
    app.command("examples")(_examples)
    app.add_typer(sample, name="sample")


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


def _examples(
    folder: Annotated[Path, typer.Argument(help="Folder to write them to; made where it is not there.")],
) -> None:
    """Write the commented example configuration: outbox.toml, source.toml, connectors.toml. Overwrites nothing."""
    standing = [str(folder / name) for name in _EXAMPLES if (folder / name).exists()]
    if standing:
        raise ConfigurationError(f"examples: expected a folder without them, got {', '.join(standing)}; choose another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _EXAMPLES:
            (folder / name).write_bytes((shipped("config") / name).read_bytes())
    except OSError as error:
        raise OutboxError(f"examples: {folder}: {error.strerror}") from None
    typer.echo(f"wrote {', '.join(_EXAMPLES)} to {folder}; use them with: export OUTBOX_CONFIG={folder}")


@sample.command("start")
def _start(folder: SampleFolder = Path("sample")) -> None:
    """Start a PostgreSQL with the sample contract application, and a receiver that keeps what it gets."""
    from outbox_demo.sample import start

    variables = start(folder)
    typer.echo(f"running; read its variables into your shell: . {variables}")
    typer.echo(f"what the receiver gets: {variables.parent / 'reports.jsonl'}")
    typer.echo("to end it: outbox sample stop" + ("" if folder == Path("sample") else f" {folder}"))


@sample.command("stop")
def _stop(folder: SampleFolder = Path("sample")) -> None:
    """Stop both and remove the folder."""
    from outbox_demo.sample import stop

    stop(folder)
    typer.echo("stopped, and its folder is removed")
