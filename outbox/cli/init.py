"""The command `outbox init`: looks at a database and proposes its source.toml."""

import sys
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from outbox.cli.context import engine_of, settings_of
from outbox.cli.tables import Column, Shape, print_table
from outbox.errors import ConfigurationError, OutboxError
from outbox.proposal import Proposal, propose, to_sample
from outbox.proposal.candidates import choose, find_table
from outbox.proposal.links import with_implied
from outbox.proposal.toml import write
from outbox.resources import folder as shipped
from outbox.survey import sampled, survey

_WRITTEN = "source.toml"
_WHY_WIDTH = 100
_EXAMPLES = ("outbox.toml", "connectors.toml")
_CHOICES = Shape(
    "choice",
    (
        Column("what", "what"),
        Column("proposed", "chosen", folds=True),
        Column("how sure", "sureness"),
        Column("why", "why", long=True, widest=_WHY_WIDTH),
    ),
)


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("init")(_init)


def _init(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="Folder to write it to; made where it is not there.  [default: --config]")
    ] = None,
    *,
    schema: Annotated[
        list[str] | None, typer.Option(help="Look at this schema only; may be given several times.")
    ] = None,
    contract_table: Annotated[str | None, typer.Option(help="The table that holds the contracts.")] = None,
    business_unit_table: Annotated[str | None, typer.Option(help="The table that holds the business units.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="The zone in which the application writes times without one: Europe/Berlin.")
    ] = None,
) -> None:
    """Look at the live database, and propose source.toml for it. Reads only, and overwrites nothing."""
    target = folder or settings_of(context).folder
    if (target / _WRITTEN).exists():
        raise ConfigurationError(
            f"init: expected a folder without {_WRITTEN}, got {target / _WRITTEN}; choose another, or move it away"
        )
    _check_zone(time_zone)
    with engine_of(context, checked=False) as engine, engine.connect() as connection:
        found = with_implied(survey(connection, schema))
        chosen = choose(found, contract_table)
        unit = find_table(found, business_unit_table, "--business-unit-table") if business_unit_table else None
        full = sampled(connection, found, to_sample(found, chosen.table))
        proposal = propose(full, chosen, zone=time_zone, unit_table=unit)
    names = _write(target, write(proposal))
    _tell(proposal)
    for one in found.unreadable:
        typer.echo(f"not looked at, for this role may not read it: {one}", err=True)
    typer.echo(f"wrote {', '.join(names)} to {target}: read source.toml, answer its questions, then: outbox plan")


def _check_zone(written: str | None) -> None:
    try:
        ZoneInfo(written or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(
            f"--time-zone: expected a zone's name, such as Europe/Berlin, got {written!r}"
        ) from None


def _write(target: Path, text: str) -> list[str]:
    """Writes the proposal, and beside it the examples that are not there; returns the names."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with (target / _WRITTEN).open("x", encoding="utf-8") as file:
            file.write(text)
        missing = [name for name in _EXAMPLES if not (target / name).exists()]
        for name in missing:
            (target / name).write_bytes((shipped("config") / name).read_bytes())
    except OSError as error:
        raise OutboxError(f"init: {target}: {error.strerror}") from None
    return [_WRITTEN, *missing]


def _tell(proposal: Proposal) -> None:
    rows = [
        {"what": one.what, "chosen": one.chosen, "sureness": str(one.sureness), "why": one.why}
        for one in proposal.choices
    ]
    print_table(rows, _CHOICES, sys.stdout)
    if proposal.questions:
        typer.echo("\nWhat could not be known:")
    for number, question in enumerate(proposal.questions, 1):
        typer.echo(f"{number:>3}. {question}")
    if proposal.indexes:
        typer.echo("\nIndexes that the lookups want:")
    for index in proposal.indexes:
        typer.echo(f"  {index.ddl}  -- {index.reason}")
    typer.echo("")
