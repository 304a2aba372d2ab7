"""How long the views of outbox_audit take with 10 million attempts, by the filters that people and commands use."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from sqlalchemy import text

from benchmarks.ground import UNITS, Connection, Database, Ground, say, statement
from benchmarks.table import Row, milliseconds, percentile, size
from outbox import audit
from outbox.audit import Question
from outbox.daily import close_days
from outbox.model import Outcome, State

ATTEMPTS = 10_000_000
KEPT = "400 days"
"""What retention keeps by default: the attempts are spread over it."""

CHUNK = 250_000
PARTITION = 5_000_000
ATTEMPTS_OF_21 = 22
"""One event in 21 is tried twice."""

TIMES = 5
PARTS = ("audit_events", "audit_decisions", "audit_deliveries", "audit_attempts")
AGO = "now() - interval '100 days' AND {0} < now() - interval '99 days'"
NEWEST = "ORDER BY event_id DESC LIMIT 50"
VIEWS: Mapping[str, tuple[str, ...]] = {
    "events": (
        NEWEST,
        f"WHERE contract_id = '4711' {NEWEST}",
        f"WHERE business_unit = '5' {NEWEST}",
        f"WHERE business_unit = 'rare' {NEWEST}",
        f"WHERE occurred_at >= {AGO.format('occurred_at')} ORDER BY occurred_at DESC LIMIT 50",
    ),
    "deliveries": (
        NEWEST,
        "ORDER BY created_at DESC, event_id DESC LIMIT 50",
        f"WHERE connector_id = 5 {NEWEST}",
        f"WHERE connector_id = 5 AND event_id < 100000 {NEWEST}",
        f"WHERE business_unit = '5' {NEWEST}",
        f"WHERE business_unit = 'rare' {NEWEST}",
        f"WHERE contract_id = '4711' {NEWEST}",
        f"WHERE connector_id = 5 AND created_at >= {AGO.format('created_at')} ORDER BY created_at DESC LIMIT 50",
        f"WHERE business_unit = '5' AND created_at >= {AGO.format('created_at')} ORDER BY created_at DESC LIMIT 50",
    ),
    "dead_letters": (NEWEST, f"WHERE connector_id = 5 {NEWEST}"),
    "undelivered": (NEWEST, f"WHERE business_unit = '5' {NEWEST}"),
    "not_sent": ("WHERE event_id = 4711", "WHERE contract_id = '4711'", f"WHERE connector_id = 5 {NEWEST}"),
    "decisions": ("WHERE event_id = 4711",),
    "replays": ("WHERE event_id = 4711",),
    "attempts": (
        "ORDER BY started_at DESC, event_id DESC LIMIT 50",
        "WHERE connector_id = 5 ORDER BY started_at DESC LIMIT 50",
        f"WHERE connector_id = 5 AND started_at >= {AGO.format('started_at')} ORDER BY started_at DESC LIMIT 50",
        "WHERE outcome = 'timeout' ORDER BY started_at DESC LIMIT 50",
        "WHERE outcome = 'timeout' AND connector_id = 5 ORDER BY started_at DESC LIMIT 50",
        "WHERE contract_id = '4711'",
    ),
    "contract_timeline": ("WHERE contract_id = '4711'",),
    "connectors": ("",),
    "connector_health": ("",),
    "connector_daily": (
        "WHERE day = current_date",
        "WHERE day >= current_date - 30 AND connector_id = 5",
        "WHERE day >= current_date - 30",
    ),
    "config_changes": ("ORDER BY changed_at DESC LIMIT 50",),
    "duplicates": (
        "ORDER BY last_at DESC LIMIT 50",
        "WHERE connector_id = 5 ORDER BY last_at DESC LIMIT 50",
        "WHERE last_at > now() - interval '1 day'",
        "WHERE contract_id = '4711'",
    ),
    "order_violations": (
        "WHERE contract_id = '4711'",
        "WHERE connector_id = 5 AND later_started_at > now() - interval '1 day'",
    ),
    "coverage": ("WHERE side = 'outbox' AND day = current_date",),
}
COMMANDS: Mapping[str, tuple[Callable[..., object], Question]] = {
    "outbox events": (audit.events, Question()),
    "outbox events --business-unit 5": (audit.events, Question(business_unit="5")),
    "outbox deliveries": (audit.deliveries, Question()),
    "outbox deliveries --state dead": (audit.deliveries, Question(state=State.DEAD)),
    "outbox attempts": (audit.attempts, Question()),
    "outbox attempts --outcome timeout": (audit.attempts, Question(outcome=Outcome.TIMEOUT)),
}


def audited(ground: Ground) -> Iterator[Row]:
    """Each view by its common filters, the commands, and what the indexes for them cost where facts are written."""
    attempts = max(10_000, ground.scaled(ATTEMPTS))
    with ground.database("audit") as database:
        database.add_connectors([f"http://127.0.0.1:9/{unit}" for unit in range(1, UNITS + 2)])
        bytes_of = fill(database, attempts * 21 // ATTEMPTS_OF_21)
        say(f"audit: counted {close_days(database.engine, chore='close days', seconds=600)} days")
        say(f"audit: asks beside {attempts:,} attempts ({size(bytes_of)})")
        with database.connect() as connection:
            for view, filters in VIEWS.items():
                yield from (_asked(connection, view, one) for one in filters)
        yield from (_commanded(database, words) for words in COMMANDS)
    yield from _writes(ground)


def fill(database: Database, events: int, *, kept: str = KEPT) -> int:
    """Facts of so many events, over the time that is kept; how large the database is then."""
    say(f"audit: {events:,} events with their decisions, deliveries and attempts")
    with database.connect() as connection:
        for start in range(0, events + PARTITION, PARTITION):
            connection.execute("SELECT outbox.make_partition(%s, %s)", [start, start + PARTITION])
        _write(connection, events, datetime.now(UTC), kept=kept)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
        return int(connection.execute("SELECT pg_database_size(current_database())").fetchall()[0][0])


def _write(connection: Connection, events: int, until: datetime, *, kept: str = KEPT) -> dict[str, float]:
    """The facts, chunk by chunk; seconds by kind."""
    took = dict.fromkeys(PARTS, 0.0)
    whole = {"until": until, "all": events, "kept": kept, "contracts": max(1, events // 20), "units": UNITS}
    for first in range(1, events + 1, CHUNK):
        window = {"first": first, "last": min(events, first + CHUNK - 1)}
        for part in PARTS:
            began = time.monotonic()
            connection.execute(statement(part), {**whole, **window})
            took[part] += time.monotonic() - began
    return took


def _asked(connection: Connection, view: str, condition: str) -> Row:
    question = f"SELECT * FROM outbox_audit.{view} {condition}".encode()  # noqa: S608 (both stand above)
    return _row(f"{view} {condition}".strip(), lambda: len(connection.execute(question).fetchall()))


def _commanded(database: Database, words: str) -> Row:
    ask, question = COMMANDS[words]

    def run() -> int:
        with database.engine.connect() as connection:
            connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
            return len(list(ask(connection, question)))  # type: ignore[call-overload]

    return _row(words, run)


def _row(words: str, run: Callable[[], int]) -> Row:
    took, found = [], 0
    for _ in range(TIMES):
        began = time.monotonic()
        found = run()
        took.append(time.monotonic() - began)
    say(f"  {milliseconds(percentile(took, 50))} {words}")
    return Row("audit", words, milliseconds(percentile(took, 50)), f"{found} rows", "", "< 100 ms")


def _writes(ground: Ground) -> Iterator[Row]:
    """What a row of each fact costs the server with the indexes of migration 8, beside what was there before."""
    costs: dict[bool, dict[str, float]] = {}
    for without in (False, True):
        with ground.database("writes") as database, database.connect() as connection:
            if without:
                connection.execute(statement("audit_without"))
            costs[without] = _write(connection, CHUNK, datetime.now(UTC))
    for part in PARTS:
        now, before = (costs[without][part] / CHUNK * 1e6 for without in (False, True))
        yield Row("audit", f"a row written: {part.removeprefix('audit_')}", f"{now:.1f} us", f"without {before:.1f} us")
