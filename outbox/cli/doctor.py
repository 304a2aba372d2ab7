"""The command doctor: a line a finding, the mend below it; exit code 1 when one is a fault."""

import sys
import textwrap
from collections import Counter
from dataclasses import asdict

import typer
from rich.console import Console
from rich.text import Text

from outbox import canonical
from outbox.cli.context import engine_of, settings_of
from outbox.cli.forms import AsJson, PageFormatWord, wants_json
from outbox.doctor import Finding, Level, examine
from outbox.doctor.ground import counted

_LEAST_ROOM = 30
_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("doctor")(_doctor)


def _doctor(
    context: typer.Context,
    *,
    form: PageFormatWord = None,
    as_json: AsJson = False,
) -> None:
    """Check the installation and say what to mend; exit code 1 for a fault, 0 otherwise."""
    as_json = wants_json(form, as_json=as_json)
    with engine_of(context, checked=False) as engine:
        findings = examine(engine, settings_of(context))
    if as_json:
        lines = (canonical.dumps(asdict(one)).decode() for one in findings)
        typer.echo("[" + ",".join(f"\n{line}" for line in lines) + "\n]")
    else:
        _print(findings)
    raise typer.Exit(1 if any(one.level is Level.FAULT for one in findings) else 0)


def _print(findings: list[Finding]) -> None:
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False, markup=False)
    width = max(len(one.name) for one in findings)
    for one in findings:
        indent = " " * (width + 10)
        room = max(_LEAST_ROOM, console.width - len(indent)) if sys.stdout.isatty() else len(one.words)
        first, *further = textwrap.wrap(one.words, room, break_long_words=False) or [""]
        console.print(Text(f"{one.level.value:<8}", style=_STYLES[one.level]), f"{one.name:<{width}}", first)
        for line in further:
            console.print(f"{indent}{line}")
        if one.mend is not None and one.level is not Level.OK:
            console.print(" " * (width + 9), f"-> {one.mend}")
    counts = Counter(one.level for one in findings)
    console.print(
        ", ".join(
            (counted(counts[Level.FAULT], "fault"), counted(counts[Level.WARNING], "warning"), f"{counts[Level.OK]} ok")
        )
    )
