"""What a demo shows while it runs: a live table on a terminal, a plain line every few seconds elsewhere."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from outbox_demo.figures import Figures, Gauge, Seen
from outbox_demo.ledgers import Connector

PLAIN_SECONDS = 5.0
WIDE_COLUMNS = 110


class View:
    """A context manager; `show` draws the figures. `rows` names each receiver, its temper and its connector.

    `besides` is a line that stays in sight.
    """

    def __init__(
        self, console: Console, gauge: Gauge, rows: Sequence[tuple[str, str, Connector]], *, besides: str
    ) -> None:
        self._console, self._gauge, self._rows, self._besides = console, gauge, rows, besides
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, figures: Figures, *, moment: str) -> None:
        """Draws the figures; `moment` says how far the demo is."""
        if self._live is not None:
            self._live.update(self._picture(figures, moment), refresh=True)
        elif time.monotonic() - self._said >= PLAIN_SECONDS:
            self._said = time.monotonic()
            self._console.print(self._line(figures, moment), soft_wrap=True, highlight=False)

    def _line(self, figures: Figures, moment: str) -> str:
        got = " ".join(f"{name}={figures.receivers[name].accepted}" for name, _, _ in self._rows)
        return (
            f"{moment}: commits={figures.commits} events={figures.events} deliveries={figures.deliveries}"
            f" attempts={figures.attempts} delivered={figures.delivered} waiting={figures.waiting}"
            f" dead={figures.dead}; received {got}"
        )

    def _picture(self, figures: Figures, moment: str) -> RenderableType:
        title = Text.assemble(("outbox demo", "bold"), "  ", moment)
        besides = Text(self._besides, "cyan")
        return Group(
            Padding(title, (1, 0, 0, 1)), Padding(besides, (0, 0, 0, 1)), self._hops(figures), self._receivers(figures)
        )

    def _hops(self, figures: Figures) -> Table:
        table = Table(box=box.ROUNDED, border_style="dim")
        for heading in ("hop", "what"):
            table.add_column(heading, no_wrap=True)
        for heading in ("total", "a second"):
            table.add_column(heading, justify="right", no_wrap=True, min_width=8)
        table.add_column("besides", no_wrap=True, min_width=26)
        besides = {
            "commits": f"{figures.rollbacks} rolled back",
            "events": f"{figures.merged:,} merged, {figures.unrouted} to route",
            "deliveries": "",
            "attempts": f"{figures.failed} failed, tried again",
            "delivered": f"{figures.waiting} waiting, {figures.dead} dead",
        }
        for hop, what, name in (
            ("application", "commits", "commits"),
            ("capture", "events", "events"),
            ("route", "deliveries", "deliveries"),
            ("send", "attempts", "attempts"),
            ("settle", "delivered", "delivered"),
        ):
            rate = f"{self._gauge.rate(name):.1f}"
            table.add_row(hop, what, Text(f"{getattr(figures, name):,}", "bold"), rate, Text(besides[name], "dim"))
        return table

    def _receivers(self, figures: Figures) -> Table:
        wide = self._console.width >= WIDE_COLUMNS
        table = Table(box=box.ROUNDED, border_style="dim")
        for heading in ("connector", "receiver"):
            table.add_column(heading, no_wrap=True)
        for heading, width in (("2xx", 6), ("other", 6), ("p50", 6), ("p95", 6)):
            table.add_column(heading, justify="right", no_wrap=True, min_width=width)
        if wide:
            table.add_column("last report", no_wrap=True, min_width=16)
        for name, temper, connector in self._rows:
            seen = figures.receivers[name]
            cells = (
                connector.name,
                Text(temper, "dim"),
                Text(f"{seen.accepted:,}", "green" if seen.accepted else "dim"),
                _others(seen, wide=wide),
                _lag(seen, 0.5),
                _lag(seen, 0.95),
                Text(seen.last, "dim"),
            )
            table.add_row(*(cells if wide else cells[:-1]))
        return table


def _others(seen: Seen, *, wide: bool) -> Text:
    words = " ".join(f"{status}:{count}" for status, count in sorted(seen.refused.items()))
    total = seen.refused.total()
    return Text((words if wide else f"{total:,}") if total else "-", "yellow" if total else "dim")


def _lag(seen: Seen, share: float) -> str:
    lag = seen.lag(share)
    return "-" if lag is None else f"{lag * 1000:,.0f} ms" if lag < 1 else f"{lag:,.1f} s"
