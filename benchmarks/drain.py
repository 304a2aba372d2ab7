"""How fast a committed backlog is delivered with everything on, beside a bare pipeline; and what it leaves on disk."""

from collections.abc import Iterator

from benchmarks.backlog import FACTS, HOT, bytes_of, drain_backlog
from benchmarks.bare import libraries, run_bare
from benchmarks.ground import UNITS, Database, Ground, say
from benchmarks.receiver import nginx
from benchmarks.table import Row, size
from benchmarks.workers import transports, workers

EVENTS = 20_000
PROCESSES = (1, 2)
ROUNDS = 3
TARGETS = {("requests", 1): "80 %", ("requests", 2): "80 %", ("curl", 1): "75 %", ("curl", 2): "75 %"}


def drain(ground: Ground) -> Iterator[Row]:
    """The drain rate for each transport and number of processes."""
    events = ground.scaled(EVENTS)
    there = transports()
    with nginx(ground.folder) as url:
        for library in dict.fromkeys([*there, *libraries()]):
            for processes in PROCESSES:
                yield _rates(ground, url, events, library=library, processes=processes, there=library in there)


def _rates(ground: Ground, url: str, events: int, *, library: str, processes: int, there: bool) -> Row:
    say(f"drain: {library}, {_processes(processes)}")
    ours = bare = None
    with ground.database("bare") as database:
        if library in libraries():
            bare = run_bare(database, url, events, library=library, processes=processes)
    if there:
        with ground.database("drain") as database:
            add_twenty(database, url)
            with workers(database, processes, transport=library) as pids:
                ours = drain_backlog(database, events, pids)
    return Row(
        "drain",
        f"{events:,} events, {UNITS} connectors: {library}, {_processes(processes)}",
        f"{ours}" if ours else "no such transport in this build",
        f"bare {bare}" if bare else "no such library here",
        f"{ours.rate / bare.rate:.0%}" if ours and bare else "",
        f">= {TARGETS[library, processes]} of bare",
    )


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def add_twenty(database: Database, url: str) -> None:
    """A connector for each business unit, ordered by contract."""
    database.add_connectors([f"{url}/{unit}" for unit in range(1, UNITS + 1)])


def sizes(ground: Ground) -> Iterator[Row]:
    """Bytes of facts for each delivery; what the hot tables take after one drain and after several."""
    events = ground.scaled(EVENTS)
    say("size: bytes of database per delivery")
    with nginx(ground.folder) as url, ground.database("sizes") as database:
        add_twenty(database, url)
        facts, hot = bytes_of(database, FACTS), [bytes_of(database, HOT)]
        with workers(database, 1) as pids:
            for _ in range(ROUNDS):
                drain_backlog(database, events, pids)
                hot.append(bytes_of(database, HOT))
        facts = bytes_of(database, FACTS) - facts
        with database.connect() as connection:
            vacuumed = connection.execute(
                "SELECT sum(autovacuum_count) FROM pg_stat_user_tables WHERE schemaname = 'outbox'"
                " AND relname = ANY (%s)",
                [list(HOT)],
            ).fetchall()[0][0]
    yield Row("size", "event, decision, delivery, attempt with indexes, a delivery", size(facts / events / ROUNDS))
    yield Row(
        "size",
        f"inbox and queue after {ROUNDS} drains of {events:,} ({vacuumed} autovacuums)",
        size(hot[-1]),
        f"empty {size(hot[0])}, after the first {size(hot[1])}",
        f"{hot[-1] / hot[1]:.2f} x the first",
    )
