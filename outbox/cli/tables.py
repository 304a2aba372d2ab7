"""Tables for people: as wide as the terminal, narrowed step by step, and nothing cut."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from outbox.answers import written

OFF_TERMINAL_WIDTH = 1_000
_GAP = 2
_INDENT = 6
_LEAST_LONG = 24
_LEAST_FOLDED = 9
_STYLES = {
    **dict.fromkeys(("delivered", "ok", "enabled"), "green"),
    **dict.fromkeys(("pending", "leased"), "cyan"),
    **dict.fromkeys(("held", "blocked", "late", "interrupted", "disabled"), "yellow"),
    **dict.fromkeys(("dead", "cancelled", "unknown", "http_error", "timeout", "dns", "connect", "tls"), "red"),
    **dict.fromkeys(("protocol", "report", "lost"), "red"),
}
Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, what it shows of a row, and what may become of it where there is little room.

    A `long` text moves below its row; one that `folds` is broken into lines; `coloured` by its first word; no wider
    than `widest`, however much room there is.
    """

    heading: str
    of: str | Callable[[Row], object]
    long: bool = False
    folds: bool = False
    coloured: bool = False
    widest: int = OFF_TERMINAL_WIDTH

    def value(self, row: Row) -> object:
        """What it shows of a row."""
        return row[self.of] if isinstance(self.of, str) else self.of(row)


@dataclass(frozen=True, slots=True)
class Shape:
    """What rows are called, and the columns that a table of them has."""

    noun: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class _Filled:
    """A column with its cells, and the least and the most width that it can use."""

    column: Column
    cells: tuple[str, ...]
    numbers: bool
    least: int

    @property
    def most(self) -> int:
        return min(self.column.widest, max(cell_len(self.column.heading), *(cell_len(cell) for cell in self.cells)))


def print_table(rows: Sequence[Row], shape: Shape, out: TextIO) -> None:
    """The widest form that fits: all of it; short times and no empty columns; long texts below; folded; blocks."""
    console = table_console(out)
    if not rows:
        console.print(f"no {shape.noun} found")
        return
    full = [_fill(column, rows, short=False) for column in shape.columns]
    short = [one for one in (_fill(column, rows, short=True) for column in shape.columns) if any(one.cells)]
    lines = [one for one in short if not one.column.long]
    below = [one for one in short if one.column.long]
    folded = [_folded(one) for one in lines]
    for shown, under in ((full, []), (short, []), (lines, below), (folded, below)):
        if _least(shown) <= console.width:
            _print_lines(console, shown, under)
            return
    _print_blocks(console, short)


def table_console(out: TextIO) -> Console:
    """Where tables are printed: as wide as the terminal; off one, as wide as they want."""
    return Console(
        file=out, width=None if out.isatty() else OFF_TERMINAL_WIDTH, highlight=False, markup=False, emoji=False
    )


def _fill(column: Column, rows: Sequence[Row], *, short: bool) -> _Filled:
    values = [column.value(row) for row in rows]
    years = {value.year for value in values if isinstance(value, datetime)}
    cells = tuple(_cell(value, short=short, year=len(years) > 1) for value in values)
    heading = max(map(cell_len, column.heading.split())) if short else cell_len(column.heading)
    longest = max(map(cell_len, cells))
    least = max(heading, min(longest, _LEAST_LONG if column.long and short else column.widest))
    return _Filled(column, cells, numbers=any(isinstance(value, int | float) for value in values), least=least)


def _folded(one: _Filled) -> _Filled:
    if not one.column.folds:
        return one
    return _Filled(one.column, one.cells, numbers=one.numbers, least=min(one.least, _LEAST_FOLDED))


def _least(shown: Sequence[_Filled]) -> int:
    return sum(one.least for one in shown) + _GAP * (len(shown) - 1)


def _widths(shown: Sequence[_Filled], room: int) -> list[int]:
    """The least that each needs, and what is left to the narrowest that can use more."""
    widths = [one.least for one in shown]
    for _ in range(room - _least(shown)):
        wanting = [place for place, one in enumerate(shown) if widths[place] < one.most]
        if not wanting:
            break
        widths[min(wanting, key=widths.__getitem__)] += 1
    return widths


def _print_lines(console: Console, shown: Sequence[_Filled], below: Sequence[_Filled]) -> None:
    widths = _widths(shown, console.width)
    headings = [Text(one.column.heading, "bold") for one in shown]
    _print_row(console, headings, widths, shown)
    console.print("  ".join("─" * width for width in widths))
    for place in range(len(shown[0].cells)):
        _print_row(console, [_styled(one, place) for one in shown], widths, shown)
        for one in below:
            if one.cells[place]:
                _print_below(console, one.column.heading, one.cells[place])


def _print_row(console: Console, cells: Sequence[Text], widths: Sequence[int], shown: Sequence[_Filled]) -> None:
    """The cells side by side, each broken into as many lines as its width asks for."""
    broken = [list(cell.wrap(console, width)) for cell, width in zip(cells, widths, strict=True)]
    for place in range(max(map(len, broken))):
        line = Text()
        for one, parts, width in zip(shown, broken, widths, strict=True):
            part = parts[place] if place < len(parts) else Text()
            part.rstrip()
            part.align("right" if one.numbers else "left", width)
            line.append_text(part).append(" " * _GAP)
        line.rstrip()
        console.print(line, soft_wrap=True)


def _print_below(console: Console, heading: str, cell: str) -> None:
    text = Text.assemble((f"{heading}: ", "dim"), cell)
    for line in text.wrap(console, max(_LEAST_LONG, console.width - _INDENT)):
        line.rstrip()
        console.print(Text(" " * _INDENT).append_text(line), soft_wrap=True)


def _print_blocks(console: Console, filled: Sequence[_Filled]) -> None:
    """A line for each value, a block for each row: where the terminal is narrower than any table."""
    indent = max(cell_len(one.column.heading) for one in filled) + _GAP
    for place in range(len(filled[0].cells)):
        if place:
            console.print()
        for one in filled:
            if one.cells[place]:
                line = Text.assemble((f"{one.column.heading:<{indent}}", "bold"), _styled(one, place))
                console.print(line, soft_wrap=True)


def _styled(one: _Filled, place: int) -> Text:
    cell = one.cells[place]
    first = cell.split(" ", 1)[0].rstrip(",")
    return Text(cell, _STYLES.get(first, "") if one.column.coloured else "")


def _cell(value: object, *, short: bool, year: bool) -> str:
    if isinstance(value, datetime):
        return moment_cell(value, short=short, year=year)
    if isinstance(value, float):
        return f"{value:.1f}"
    return written(value)


def moment_cell(moment: datetime, *, short: bool = True, year: bool = True) -> str:
    """A moment in UTC: to the millisecond, or short to the second, and then without its year where all share it."""
    at = moment.astimezone(UTC).replace(tzinfo=None)
    if not short:
        return at.isoformat(sep=" ", timespec="milliseconds")
    whole = at.isoformat(sep=" ", timespec="seconds")
    return whole if year else whole.partition("-")[2]
