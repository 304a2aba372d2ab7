"""What millions of deliveries leave behind in the small hot tables: sizes, dead rows, and the rate they end with."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.backlog import Pace, drain_backlog
from benchmarks.drain import add_twenty
from benchmarks.ground import Database, Ground, say, statement
from benchmarks.receiver import nginx
from benchmarks.table import Row, size
from benchmarks.workers import workers

DELIVERIES = 2_000_000
ROUND = 50_000
PROCESSES = 2
HOT = ("inbox", "queue", "worker", "share", "health", "periodic", "expiry")


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a table takes on disk, its indexes apart, and the rows in it that are dead."""

    table: int
    indexes: int
    dead: int
    vacuums: int

    def __str__(self) -> str:
        return f"{size(self.table)} + {size(self.indexes)} of indexes, {self.dead:,} dead"


def bloat(ground: Ground) -> Iterator[Row]:
    """The hot tables before, after the first round, at their largest and at the end."""
    rounds = max(2, ground.scaled(DELIVERIES) // ROUND)
    bulks: list[dict[str, Bulk]] = []
    paces: list[Pace] = []
    with nginx(ground.folder) as url, ground.database("bloat") as database:
        add_twenty(database, url)
        before = _bulks(database)
        with workers(database, PROCESSES) as pids:
            for number in range(1, rounds + 1):
                say(f"bloat: {number * ROUND:,} of {rounds * ROUND:,} deliveries")
                paces.append(drain_backlog(database, ROUND, pids))
                bulks.append(_bulks(database))
    for name in HOT:
        first, last = bulks[0][name], bulks[-1][name]
        most = max(one[name].table + one[name].indexes for one in bulks)
        yield Row(
            "bloat",
            f"{name} after {rounds * ROUND:,} deliveries ({last.vacuums} autovacuums)",
            str(last),
            f"empty {size(before[name].table + before[name].indexes)}; after the first {ROUND:,}: {first}",
            f"at most {size(most)}",
        )
    yield Row("bloat", f"the last {ROUND:,}", f"{paces[-1]}", f"the first: {paces[0]}", _ratio(paces))


def _bulks(database: Database) -> dict[str, Bulk]:
    with database.connect() as connection:
        rows = connection.execute(statement("bulk"), {"tables": list(HOT)}).fetchall()
    return {row[0]: Bulk(*row[1:]) for row in rows}


def _ratio(paces: list[Pace]) -> str:
    return f"{paces[-1].rate / paces[0].rate:.0%} of the rate"
