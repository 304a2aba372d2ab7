"""The commands plan, install, uninstall and recapture: capture on the application's tables."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.syntax import Syntax

from outbox.cli.context import confirm, engine_of, settings_of
from outbox.doctor.ground import counted
from outbox.errors import ConfigurationError, OutboxError
from outbox.install import Planned, install, load_mapping, plan, recapture, uninstall, waiting_errors
from outbox.mapping import Mapping
from outbox.plan import State, script

_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
_AllowSlow = Annotated[bool, typer.Option("--allow-slow", help="Accept lookups that read a large table whole.")]
_SIGNS = {State.STANDS: "=", State.NEW: "+", State.DIFFERS: "~"}


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("plan")(_plan)
    app.command("install")(_install)
    app.command("uninstall")(_uninstall)
    app.command("recapture")(_recapture)


def _plan(context: typer.Context, *, allow_slow: _AllowSlow = False) -> None:
    """Print the exact DDL that install would run, as a script with what it means in comments. Changes nothing."""
    file = settings_of(context).source_file
    mapping = _read(file)
    with _told_of(file), engine_of(context) as engine, engine.connect() as connection:
        planned = plan(connection, mapping, allow_slow=allow_slow)
    written = script(planned.plan, remarks(planned))
    if sys.stdout.isatty():
        Console().print(Syntax(written, "postgresql", background_color="default", word_wrap=True))
    else:
        typer.echo(written, nl=False)


def _install(context: typer.Context, *, allow_slow: _AllowSlow = False, yes: _Yes = False) -> None:
    """Put the capture triggers on the application's tables, after the mapping was held against the live database."""
    file = settings_of(context).source_file
    mapping = _read(file)
    with _told_of(file), engine_of(context) as engine:
        with engine.connect() as connection:
            planned = plan(connection, mapping, allow_slow=allow_slow)
        for warning in planned.inspected.warnings:
            typer.echo(f"warning: {warning}", err=True)
        if planned.plan.done:
            typer.echo("nothing to do: everything stands as source.toml says")
            return
        made, dropped = list(planned.plan.pending()), planned.plan.drops
        confirm(f"Make {counted(len(made), 'object')}, drop {len(dropped)} (`outbox plan` shows them)?", yes=yes)
        install(engine, mapping, allow_slow=allow_slow)
    tables = sorted({table.sql for table in planned.plan.installation.tables})
    done = f"{counted(len(made), 'object')} made, {len(dropped)} dropped"
    typer.echo(f"installed: {done}; captured from now on: {', '.join(tables)}")


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    """Faults name the file in full."""
    try:
        yield
    except ConfigurationError as error:
        faults = (
            one.replace(f"{file.name}: ", f"{file}: ", 1) if one.startswith(file.name) else one for one in error.faults
        )
        raise ConfigurationError(*faults) from None


def _read(file: Path) -> Mapping:
    with _told_of(file):
        return load_mapping(file)


def _uninstall(context: typer.Context, *, yes: _Yes = False) -> None:
    """Take every capture trigger and generated function away; what was captured stays."""
    with engine_of(context) as engine:
        confirm("Remove capture from the application's tables? What it writes from then on is missed.", yes=yes)
        removed = uninstall(engine)
    for one in removed:
        typer.echo(f"removed {one.name}")
    typer.echo("nothing of ours is left on the application's tables" if removed else "nothing was installed")


def _recapture(context: typer.Context, *, yes: _Yes = False) -> None:
    """Make events of the changes that capture could not read, by the mapping that is installed now."""
    with engine_of(context) as engine:
        with engine.connect() as connection:
            waiting = waiting_errors(connection)
        total = sum(count for _, count, _ in waiting)
        if not total:
            typer.echo("nothing to recapture")
            return
        for rule, count, example in waiting:
            typer.echo(f"{count:>8}  {rule}: {example}")
        confirm(f"Recapture {counted(total, 'recorded change')}?", yes=yes)
        done = recapture(engine)
    typer.echo(f"recaptured {counted(done.recaptured, 'change')}, {done.failed} failed again")
    if done.failed:
        raise OutboxError(
            f"{counted(done.failed, 'change')} still can't be captured: mend source.toml, `outbox install`, and again"
        )


def remarks(planned: Planned) -> Iterator[str]:
    """What a plan means, for people, line by line."""
    installation, inspected = planned.plan.installation, planned.inspected
    yield "Capture by source.toml: what `outbox install` runs, in one transaction."
    yield ""
    if planned.plan.done:
        yield "Nothing to do: everything stands as source.toml says."
    yield "Objects (+ new, ~ differs and is made anew, - dropped, = stands):"
    for one in installation.statements:
        yield f"  {_SIGNS[planned.plan.states[one.name]]} {one.name}: {one.purpose}"
    for gone in planned.plan.drops:
        yield f"  - {gone.name}"
    yield ""
    yield f"Wake-up: {installation.wakeup}. A rule that fails: {installation.mapping.on_capture_error}."
    yield "Search path of the mapping's SQL: " + ", ".join([*inspected.facts.search_path, "pg_temp"])
    yield ""
    yield from _columns(planned)
    yield "Lookups (PostgreSQL's estimates; the first for each note at commit, expired for a scan, others per row):"
    for cost in inspected.costs:
        if not cost.reads:
            yield f"  {cost.what}: no lookup"
            continue
        by = f"by {', '.join(cost.indexes)}" if cost.indexes else "without an index"
        slow = f"; reads all of {', '.join(cost.slow)}" if cost.slow else ""
        yield f"  {cost.what}: cost {cost.cost:.2f}, {by}{slow}"
    yield ""
    for warning in inspected.warnings:
        yield f"WARNING: {warning}"


def _columns(planned: Planned) -> Iterator[str]:
    """Which columns an update keeps the values of, names, and ignores."""
    tables = {table.oid: table for table in planned.plan.installation.tables}
    for rule in planned.plan.installation.rules:
        if not rule.compared:
            continue
        names = [one.name for one in tables[rule.relation].columns]
        yield f"Rule {rule.name!r}, {rule.operation.lower()} of {rule.table_name}:"
        if rule.reported:
            yield f"  old and new value kept: {_listed(rule.kept)}"
            named = [one for one in names if one not in rule.kept and one not in rule.ignored]
            yield f"  named without its value: {_listed(named)}"
        else:
            yield "  counts as an update of the contract, columns are not told"
        yield f"  ignored: {_listed(rule.ignored)}"
        for column in rule.spared:
            yield f"  {column}: part of the send or review that the same change raises, where one does"
        yield ""


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names) or "none"
