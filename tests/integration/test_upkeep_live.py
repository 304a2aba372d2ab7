"""Partitions change under an application that commits and a report that reads."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from outbox import upkeep
from outbox.settings import Upkeep
from tests.conftest import Database
from tests.factories import connect, insert_connector, insert_event

SIZE = 5_000_000


@dataclass
class Watch:
    """How many contracts were committed, and how many events, each once, every look at the history saw."""

    committed: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    until: threading.Event = field(default_factory=threading.Event)


def _write(database: Database, watch: Watch, name: str) -> None:
    number = 0
    with connect(database) as application:
        while not watch.until.is_set():
            number += 1
            contract = f"{name}-{number}"
            application.execute("INSERT INTO contract (id, business_unit_id, company_id) VALUES (%s, 1, 7)", [contract])
            watch.committed.append(contract)


def _read(database: Database, watch: Watch) -> None:
    with connect(database) as report:
        while not watch.until.is_set():
            rows = report.execute("SELECT count(*), count(DISTINCT id) FROM outbox.event").fetchall()
            watch.seen.append(int(str(rows[0][0])) if rows[0][0] == rows[0][1] else -1)


@contextmanager
def _busy(database: Database) -> Iterator[Watch]:
    """Two writers and a reader, for as long as the block lasts."""
    watch = Watch()
    work: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (_write, (database, watch, "a")),
        (_write, (database, watch, "b")),
        (_read, (database, watch)),
    ]
    threads = [threading.Thread(target=one, args=arguments) for one, arguments in work]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        watch.until.set()
        for thread in threads:
            thread.join(timeout=30)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def test_everything_goes_on_while_partitions_change(source_database: Database) -> None:
    """Real captures beside adopting, making and pruning: none fails, no reader misses or repeats an event."""
    with connect(source_database) as sql:
        insert_connector(sql, business_units=["9"])
        insert_event(sql, occurred_at="2020-01-01")
        sql.execute("SELECT setval('outbox.event_id', %s)", [4 * SIZE])

        def at_rest() -> bool:
            upkeep.keep_up(source_database.engine, Upkeep(retention_days=400, partitions_ahead=2))
            rows = sql.execute("SELECT range_start FROM outbox.ranges('event') ORDER BY 1").fetchall()
            return rows == [(n * SIZE,) for n in range(1, 5)]

        with _busy(source_database) as watch:
            _wait(lambda: len(watch.committed) > 20)
            _wait(at_rest)
            stands = len(watch.committed)
            _wait(lambda: len(watch.committed) > stands + 50)

        assert sql.execute("SELECT sqlstate, message FROM outbox.capture_error").fetchall() == []
        rows = sql.execute(
            "SELECT (SELECT count(*) FROM outbox.event), (SELECT count(*) FROM outbox.event_default),"
            " (SELECT count(*) FROM contract)"
        ).fetchall()
        assert rows == [(len(watch.committed), 0, len(watch.committed))]
        assert -1 not in watch.seen
        less = [before - after for before, after in pairwise(watch.seen) if after < before]
        assert less in ([], [1]), "only the drop of the old range, of one event, lowers the count"
