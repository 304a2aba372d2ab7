"""Connectors as code: diff, apply, export."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.text import Text
from sqlalchemy import Connection

from outbox.cli.author import As, name_of
from outbox.cli.context import box_of, confirm, engine_of, settings_of
from outbox.connector_change import Change
from outbox.connectors import standing_connectors
from outbox.connectors_export import export
from outbox.connectors_file import (
    Difference,
    Differences,
    apply,
    compare,
    read_connectors_file,
    unchanged_secrets,
)
from outbox.doctor.ground import counted
from outbox.errors import ConfigurationError, OutboxError
from outbox.moment import write_moment
from outbox.settings import read_variable
from outbox.source_names import read_business_units, read_source_names, unit_labels

File: TypeAlias = Annotated[
    Path | None, typer.Option("--file", help="The file.  [default: connectors.toml in the configuration folder]")
]
AllowUnknown: TypeAlias = Annotated[
    bool, typer.Option("--allow-unknown", help="Take business units that the source doesn't know as ids to come.")
]
_PLACES = {"command": "on the command line", "page": "on the page", "relay": "by the service", "code": "as code"}
_OFF_TERMINAL_WIDTH = 1_000


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("diff")(_diff)
    app.command("apply")(_apply)
    app.command("export")(_export)


def _diff(
    context: typer.Context,
    *,
    file: File = None,
    allow_unknown: AllowUnknown = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when something would change.")] = False,
) -> None:
    """Show what `apply` would change, and what was changed elsewhere since it last ran."""
    with engine_of(context) as engine, engine.connect() as connection:
        differences = _compare(context, connection, file, allow_unknown=allow_unknown)
        names = unit_labels(connection)
    _print(differences, names, prune=False)
    if exit_code and differences.to_make:
        raise typer.Exit(1)


def _apply(
    context: typer.Context,
    *,
    file: File = None,
    allow_unknown: AllowUnknown = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove connectors that apply created and the file has no more.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    by: As = None,
) -> None:
    """Make the connectors what the file says, after naming every change."""
    author = name_of(by)
    with engine_of(context) as engine:
        with engine.connect() as connection:
            differences = _compare(context, connection, file, allow_unknown=allow_unknown)
            names = unit_labels(connection)
        _print(differences, names, prune=prune)
        count = len(differences.to_make) + (len(differences.prunable) if prune else 0)
        if not count:
            return
        confirm(f"Apply {'this' if count == 1 else f'these {count}'}?", yes=yes)
        with engine.begin() as connection:
            done = apply(connection, differences, box=box_of(context), author=author, prune=prune)
    typer.echo(f"applied: {done} {'connector' if done == 1 else 'connectors'}")


def _export(
    context: typer.Context,
    *,
    output: Annotated[Path | None, typer.Option(help="Write to this file, which must be new.")] = None,
) -> None:
    """Print all connectors as connectors.toml; of secrets, the variables to put them in."""
    with engine_of(context) as engine, engine.connect() as connection:
        standing = standing_connectors(connection, box_of(context))
        written = export([one.spec for one in standing], read_business_units(connection))
    if output is None:
        typer.echo(written, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(written)
    except FileExistsError:
        raise ConfigurationError(f"--output: expected a new file, got {str(output)!r}, which exists") from None
    except OSError as error:
        raise OutboxError(f"--output: {output}: {error.strerror}") from None
    typer.echo(f"wrote {len(standing)} {'connector' if len(standing) == 1 else 'connectors'} to {output}")


def _compare(context: typer.Context, connection: Connection, file: Path | None, *, allow_unknown: bool) -> Differences:
    chosen = (file or settings_of(context).connectors_file).absolute()
    box = box_of(context)
    return compare(
        connection,
        read_connectors_file(chosen, read_variable=read_variable),
        standing_connectors(connection, box),
        source=read_source_names(connection),
        box=box,
        allow_unknown=allow_unknown,
        allow_networks=settings_of(context).sender.allow_networks,
    )


def _print(differences: Differences, names: Mapping[str, str], *, prune: bool) -> None:
    """What would be made, a block a connector, then one line that sums it up."""
    console = Console(
        width=None if sys.stdout.isatty() else _OFF_TERMINAL_WIDTH, highlight=False, markup=False, soft_wrap=True
    )
    for one in differences.listed:
        if one.differs or one.notes:
            _print_one(console, one, names)
    for standing in differences.prunable:
        words = "will be removed" if prune else "apply created it; --prune removes it"
        console.print(Text(f"- {standing.spec.name}:", "red" if prune else "yellow"), f"not in the file; {words}")
    for standing in differences.foreign:
        place = _PLACES[standing.origin]
        console.print(Text(f"  {standing.spec.name}:", "dim"), f"not in the file; made {place}, stays as it is")
    console.print(_summary(differences, prune=prune))


def _print_one(console: Console, one: Difference, names: Mapping[str, str]) -> None:
    sign, style = ("+", "green") if one.standing is None else ("~", "yellow") if one.differs else (" ", "")
    console.print(Text(f"{sign} {one.spec.name}", f"bold {style}".strip()))
    if one.differs:
        for change in one.elsewhere:
            console.print(
                f"    changed by {change.changed_by} at {write_moment(change.changed_at)}"
                f" {_PLACES[change.origin]} ({change.action}, version {change.version})",
                style="magenta",
            )
    for changed in one.changes:
        found = _named(one, names) if changed.key == "business_units" else changed
        words = found.after if one.standing is None else found.words
        console.print(f"    {found.key}: {words}", style=style)
    if one.standing is not None and one.differs:
        for key in unchanged_secrets(one):
            console.print(f"    {key}: unchanged", style="dim")
    for note in one.notes:
        console.print(f"    note: {note}", style="cyan")


def _named(one: Difference, names: Mapping[str, str]) -> Change:
    """Its business units before and after, by name and id."""
    before = () if one.standing is None else one.standing.spec.business_units
    told = [", ".join(names.get(unit, unit) for unit in units) for units in (before, one.spec.business_units)]
    return Change("business_units", *told)


def _summary(differences: Differences, *, prune: bool) -> str:
    made = sum(one.standing is None for one in differences.listed)
    changed = len(differences.to_make) - made
    removed = len(differences.prunable) if prune else 0
    if not (made or changed or removed):
        left = len(differences.prunable)
        return "no changes" + (f"; --prune would remove {counted(left, 'connector')}" if left else "")
    unchanged = len(differences.listed) - len(differences.to_make)
    return f"{made} to create, {changed} to change, {removed} to remove, {unchanged} unchanged"
