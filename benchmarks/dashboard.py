"""What the dashboard costs with 10 million attempts of ten days: to look at it, and to keep its figures."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import text

from benchmarks.audit import ATTEMPTS, ATTEMPTS_OF_21, fill
from benchmarks.ground import UNITS, Database, Ground, say
from benchmarks.table import Row, milliseconds, percentile, size
from outbox.access import Within
from outbox.figuring import count_figures
from outbox.insight.grid import Chosen
from outbox.secret_box import make_key
from outbox.settings import Settings
from outbox.web import board
from outbox.web.site import Site

KEPT = "10 days"
"""A million attempts a day, eleven a second: forty times as dense as the audit's."""

TIMES = 9
WAITING = 100_000


def dashboard(ground: Ground) -> Iterator[Row]:
    """Each part of the page as the first of all viewers gets it, whose answers nobody has asked for yet."""
    attempts = max(10_000, ground.scaled(ATTEMPTS))
    with ground.database("dashboard") as database:
        database.add_connectors([f"http://127.0.0.1:9/{unit}" for unit in range(1, UNITS + 2)])
        bytes_of = fill(database, attempts * 21 // ATTEMPTS_OF_21, kept=KEPT)
        yield from _counted(database)
        say(f"dashboard: looks beside {attempts:,} attempts ({size(bytes_of)})")
        yield from _looked(database, None, "all units")
        yield from _looked(database, ("5",), "one unit")
        with database.connect() as connection:
            _wait_for_delivery(database)
            connection.execute("VACUUM ANALYZE outbox.queue")
        yield from _looked(database, None, f"{WAITING:,} waiting")


def _counted(database: Database) -> Iterator[Row]:
    with database.connect() as connection:
        connection.execute("UPDATE outbox.counted SET until = date_trunc('day', now(), 'UTC') - interval '11 days'")
        began, counted = time.monotonic(), 0
        while done := count_figures(database.engine, chore="figures", seconds=0.001):
            counted += done
        took = time.monotonic() - began
        rows, octets = connection.execute(
            "SELECT count(*), pg_total_relation_size('outbox.figure') FROM outbox.figure"
        ).fetchall()[0]
        connection.execute("VACUUM ANALYZE outbox.figure")
    yield Row(
        "dashboard",
        f"counting {counted:,} stretches of {KEPT}",
        f"{took:.1f} s",
        f"{milliseconds(took / max(1, counted))} each; {rows:,} rows, {size(octets)}",
        "",
    )


def _looked(database: Database, within: Within, words: str) -> Iterator[Row]:
    settings = Settings.model_validate(
        {"database": {"url": database.url}, "secrets": {"keys": make_key()}},
    )

    def grid(kind: str) -> Callable[[Site], object]:
        return lambda site: board.grid_page(site, within, kind=kind, chosen=Chosen(), page=1)

    def curves(last: str) -> Callable[[Site], object]:
        return lambda site: board.curves(site, within, last=last)

    def whole(site: Site) -> None:
        for one in ("verdict and tiles", "grid of 24h", "curves of 24h"):
            parts[one](site)

    parts: dict[str, Callable[[Site], object]] = {
        "the whole page": whole,
        "verdict and tiles": lambda site: board.glance(site, within),
        **{f"grid of {kind}": grid(kind) for kind in board.GRIDS},
        **{f"curves of {last}": curves(last) for last in board.SPANS},
    }
    for part, look in parts.items():
        first: list[float] = []
        again: list[float] = []
        for _ in range(TIMES):
            site = Site(settings, engine=database.engine)
            for took in (first, again):
                began = time.monotonic()
                look(site)
                took.append(time.monotonic() - began)
        say(f"  {milliseconds(percentile(first, 50))} {part}, {words}")
        yield Row(
            "dashboard",
            f"{part}, {words}",
            milliseconds(percentile(first, 50)),
            f"kept: {milliseconds(percentile(again, 50))}",
            "",
            "< 50 ms",
        )


def _wait_for_delivery(database: Database) -> None:
    """The newest deliveries, as though they waited."""
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)"
                " SELECT d.connector_id, d.event_id, d.contract_id, true, now() + :ahead FROM outbox.delivery d"
                " ORDER BY d.event_id DESC LIMIT :most"
            ),
            {"most": WAITING, "ahead": timedelta(minutes=5)},
        )
