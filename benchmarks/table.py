"""The one table that is printed: a row for each figure, and how a figure is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from rich.console import Console
from rich.table import Table

WIDTH = 170
UNITS = ("B", "KiB", "MiB", "GiB")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `beside` is what it is compared with in the same run, `ratio` the two of them."""

    part: str
    figure: str
    value: str
    beside: str = ""
    ratio: str = ""
    target: str = ""


def print_table(rows: Iterable[Row], conditions: Sequence[tuple[str, str]]) -> None:
    """Prints the conditions and the figures."""
    console = Console(width=WIDTH, highlight=False)
    for name, words in conditions:
        console.print(f"{name:>12}  {words}", soft_wrap=True, markup=False)
    table = Table("part", "figure", "value", "beside", "ratio", "target of issue 3")
    part = ""
    for row in rows:
        if part and row.part != part:
            table.add_section()
        table.add_row(row.part if row.part != part else "", row.figure, row.value, row.beside, row.ratio, row.target)
        part = row.part
    console.print(table, markup=False)


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(seconds: float) -> str:
    """A short time."""
    return f"{seconds * 1e3:,.1f} ms" if seconds < 10 else f"{seconds:,.1f} s"  # noqa: PLR2004 (for reading)


def size(count: float) -> str:
    """A number of bytes."""
    unit = 0
    while count >= 1024 and unit < len(UNITS) - 1:  # noqa: PLR2004 (a KiB)
        count, unit = count / 1024, unit + 1
    return f"{count:,.1f} {UNITS[unit]}" if unit else f"{count:,.0f} B"
