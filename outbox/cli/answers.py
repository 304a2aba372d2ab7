"""Prints rows: a table for people, JSON and CSV for machines, every value exact."""

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from outbox import canonical
from outbox.moment import write_moment

_OFF_TERMINAL_WIDTH = 1_000
_GAP = 3
_LONG_TEXTS = frozenset({"words", "error", "last_error", "changed"})
_LONG_TEXT_WIDTH = 24
_STYLES = {
    **dict.fromkeys(("delivered", "ok"), "green"),
    **dict.fromkeys(("pending", "leased"), "cyan"),
    **dict.fromkeys(("held", "blocked", "late", "interrupted"), "yellow"),
    **dict.fromkeys(("dead", "cancelled", "unknown", "http_error", "timeout", "dns", "connect", "tls"), "red"),
    **dict.fromkeys(("protocol", "report", "lost"), "red"),
}


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Shape:
    """What rows are called, and which of their columns a table shows under which heading."""

    noun: str
    headings: Mapping[str, str]


def print_answers(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], shape: Shape, form: Format) -> None:
    """Prints the rows on standard output; `columns` is what JSON and CSV hold, in order."""
    match form:
        case Format.TABLE:
            print_table(rows, shape, sys.stdout)
        case Format.JSON:
            print_json(rows, columns, sys.stdout)
        case Format.CSV:
            print_csv(rows, columns, sys.stdout)


def print_table(rows: Sequence[Mapping[str, Any]], shape: Shape, out: TextIO) -> None:
    """A table where it fits, its long texts folded; a block of lines for each row where it does not."""
    console = Console(file=out, width=None if out.isatty() else _OFF_TERMINAL_WIDTH, highlight=False, markup=False)
    if not rows:
        console.print(f"no {shape.noun} found")
        return
    cells = [{name: _cell(name, row[name]) for name in shape.headings} for row in rows]
    widths = {name: _width(name, heading, cells) for name, heading in shape.headings.items()}
    if sum(widths.values()) + _GAP * (len(widths) - 1) > console.width:
        _print_blocks(cells, shape, console)
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for name, heading in shape.headings.items():
        numbers = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(heading, overflow="fold", min_width=widths[name], justify="right" if numbers else "left")
    for row in cells:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row.values()))
    console.print(table)


def _width(name: str, heading: str, cells: Sequence[Mapping[str, str]]) -> int:
    """What a column needs: all of its longest cell; of a long text, what can still be read."""
    longest = max(cell_len(heading), *(cell_len(row[name]) for row in cells))
    return min(longest, _LONG_TEXT_WIDTH) if name in _LONG_TEXTS else longest


def _print_blocks(cells: Sequence[Mapping[str, str]], shape: Shape, console: Console) -> None:
    indent = max(cell_len(heading) for heading in shape.headings.values()) + 2
    for place, row in enumerate(cells):
        if place:
            console.print()
        for name, cell in row.items():
            if cell:
                heading = f"{shape.headings[name]:<{indent}}"
                line = Text.assemble((heading, "bold"), (cell, _STYLES.get(cell, "")))
                console.print(line, soft_wrap=True)


def print_json(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], out: TextIO) -> None:
    r"""A JSON array, one object a line; numbers keep their digits, bytes that are UTF-8 are text, others `\x...`."""
    lines = (canonical.dumps({name: _plain(row[name]) for name in columns}).decode() for row in rows)
    out.write("[" + ",".join(f"\n{line}" for line in lines) + "\n]\n")


def print_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], out: TextIO) -> None:
    """CSV with a header; JSON values as JSON, nothing as an empty field."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_written(row[name]) for name in columns] for row in rows)


def _plain(value: object) -> object:
    """A value that JSON can say."""
    if isinstance(value, datetime):
        return write_moment(value)
    return _decoded(value) if isinstance(value, bytes) else value


def _decoded(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "\\x" + value.hex()
    return text if not text.startswith("\\x") else "\\x" + value.hex()


def _written(value: object) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else canonical.dumps(plain).decode()


def _cell(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    if name == "changed" and isinstance(value, dict):
        return "; ".join(_change(column, values) for column, values in value.items())
    if isinstance(value, float):
        return f"{value:.1f}"
    return _written(value)


def _change(column: str, values: object) -> str:
    if not isinstance(values, list):
        return f"{column} changed"
    return f"{column}: " + " -> ".join(canonical.dumps(value).decode() for value in values)
