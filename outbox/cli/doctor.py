"""The command doctor: a line a finding, the mend below it, the verdict last; the exit code for monitoring."""

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from outbox import canonical
from outbox.cli.context import engine_of, settings_of
from outbox.cli.forms import AsJson, PageFormatWord, wants_json
from outbox.doctor import SECTIONS, Finding, Level, examine
from outbox.doctor.ground import counted

_LEAST_ROOM = 30
_LEVEL_WIDTH = 9
_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}
_TIED = "\N{NO-BREAK SPACE}"


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command("doctor")(_doctor)


def _doctor(
    context: typer.Context,
    *,
    form: PageFormatWord = None,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for a warning too.")] = False,
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
    bad = {Level.FAULT, Level.WARNING} if strict else {Level.FAULT}
    raise typer.Exit(1 if any(one.level in bad for one in findings) else 0)


def _print(findings: list[Finding]) -> None:
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False, markup=False, emoji=False)
    width = max(len(one.name) for one in findings)
    indent = " " * (2 + _LEVEL_WIDTH + width + 2)
    wide = console.width if sys.stdout.isatty() else None
    for title, checks in SECTIONS.items():
        shown = [one for one in findings if one.name in checks]
        if shown:
            console.print(Text(title, style="bold"))
        for one in shown:
            first, *further = _lines(one.words, wide, len(indent))
            level = Text(f"  {one.level.value:<{_LEVEL_WIDTH}}", style=_STYLES[one.level])
            console.print(level, f"{one.name:<{width}}  ", first, sep="")
            for line in further:
                console.print(indent + line)
            for line in _mend(one, wide):
                console.print(Text(" " * (2 + _LEVEL_WIDTH) + line, style="cyan"))
    console.print(_verdict(findings))


def _mend(one: Finding, wide: int | None) -> Iterator[str]:
    if one.mend is None or one.level is Level.OK:
        return
    first, *further = _lines(one.mend, wide, 2 + _LEVEL_WIDTH + 3)
    yield f"-> {first}"
    yield from (f"   {line}" for line in further)


def _lines(words: str, wide: int | None, indent: int) -> list[str]:
    """The words in lines for a terminal so wide; a command stays whole where it fits, so that it can be copied."""
    if wide is None:
        return [words]
    room = max(_LEAST_ROOM, wide - indent)
    tied = re.sub(r"`[^`]*`", lambda found: _tie(found[0], room), words)
    lines = textwrap.wrap(tied, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [line.replace(_TIED, " ") for line in lines]


def _tie(command: str, room: int) -> str:
    return command.replace(" ", _TIED) if len(command) <= room else command


def _verdict(findings: list[Finding]) -> Text:
    """The worst level, and how many there are of each."""
    counts = Counter(one.level for one in findings)
    worst = next(level for level in (Level.FAULT, Level.WARNING, Level.OK) if counts[level])
    words = {Level.FAULT: "Not well: ", Level.WARNING: "Well, but look: ", Level.OK: "Well: "}[worst]
    numbers = counted(counts[Level.FAULT], "fault"), counted(counts[Level.WARNING], "warning"), f"{counts[Level.OK]} ok"
    return Text(words + ", ".join(numbers), style=_STYLES[worst])
