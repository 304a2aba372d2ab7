"""Figures of attempts: counted once for each stretch of time, and the same as from the facts."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from outbox.figuring import count_figures
from outbox.insight.figures import (
    Latencies,
    Volumes,
    all_latencies,
    all_outcomes,
    all_volumes,
    read_latencies,
    read_outcomes,
    read_uncounted,
    read_volumes,
)
from outbox.insight.grid import Key, Tally, columns
from outbox.insight.histogram import percentiles, upper
from outbox.stretches import Length
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    rewrite,
)

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
TODAY = Length.DAY.floor(NOW)


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def routed(db: Connection, connector: int, at: datetime, unit: str | None = "bu1", **values: Any) -> int:
    """An event that occurred and was routed then."""
    event = insert_event(db, occurred_at=at, business_unit=unit)
    insert_delivery(db, event, connector, created_at=at, **values)
    return event


def attempted(db: Connection, connector: int, at: datetime, number: int = 1, **values: Any) -> int:
    """One of which an attempt began a second later."""
    unit = values.pop("unit", "bu1")
    event = routed(db, connector, at - timedelta(seconds=1), unit)
    insert_attempt(db, event, connector, number, **{"started_at": at, "duration_ms": 100, **values})
    return event


def count(database: Database) -> int:
    """Counts all that is due."""
    return count_figures(database.engine, chore="figures", seconds=0.001)


def outcomes(database: Database, *, within: Any = None, column: Length = Length.DAY) -> dict[Key, Tally]:
    """What became of the deliveries of 30 days, or hours."""
    with database.engine.connect() as connection:
        uncounted = read_uncounted(connection, within=within)
        since = columns(uncounted.marks.at, column, 30)[0]
        counted = read_outcomes(connection, marks=uncounted.marks, since=since, column=column, within=within)
    return all_outcomes(counted, uncounted, since=since, column=column)


def volumes(database: Database, *, within: Any = None, longest: Length = Length.DAY) -> Volumes:
    """The attempts of a week."""
    with database.engine.connect() as connection:
        uncounted = read_uncounted(connection, within=within)
        since = longest.floor(uncounted.marks.at - 7 * DAY)
        counted = read_volumes(connection, marks=uncounted.marks, since=since, longest=longest, within=within)
    return all_volumes(counted, uncounted)


def latencies(database: Database, *, within: Any = None) -> Latencies:
    """The latencies of a week, by day."""
    with database.engine.connect() as connection:
        uncounted = read_uncounted(connection, within=within)
        asked: dict[str, Any] = {"since": TODAY - 7 * DAY, "longest": Length.DAY, "within": within}
        counted = read_latencies(connection, marks=uncounted.marks, step=DAY, **asked)
    return all_latencies(counted, uncounted, step=DAY)


def mixed(db: Connection) -> tuple[int, int]:
    """A history of five days over two connectors and three units, of every kind."""
    one, two = insert_connector(db, "one"), insert_connector(db, "two", business_units=["*"])
    for days in range(5):
        for minutes in (1, 130, 700, 1_439):
            at = TODAY - days * DAY - timedelta(minutes=minutes)
            attempted(db, one, at)
            attempted(db, two, at, unit="bu2", outcome="timeout", status_code=None, settled="dead")
            again = attempted(db, two, at, unit=None, outcome="http_error")
            insert_attempt(db, again, two, 2, started_at=at + timedelta(minutes=90), duration_ms=9_000)
            attempted(db, two, at, outcome="interrupted", status_code=None, settled="cancelled")
            insert_attempt(db, routed(db, one, at, kind="test"), one, kind="test", started_at=at)
            lost = attempted(db, one, at, outcome="lost", status_code=None, duration_ms=None)
            insert_attempt(db, lost, one, 1, outcome="late", status_code=200, started_at=at)
            insert_attempt(db, lost, one, 2, started_at=at + timedelta(minutes=3), duration_ms=5)
    attempted(db, one, NOW - timedelta(seconds=2), unit="bu3")
    return one, two


def test_counted_figures_are_those_of_the_facts(database: Database, db: Connection) -> None:
    """By connector, unit and time of routing: counting by slots, hours and days changes none of them."""
    mixed(db)
    with database.engine.begin() as connection:  # nothing counted, and all of it read from the facts
        connection.execute(text("UPDATE outbox.counted SET until = :until"), {"until": TODAY - 9 * DAY})
    facts = from_facts(db)

    assert count(database) > 20
    assert count(database) == 0

    assert outcomes(database) == facts
    assert sum((tally for tally in outcomes(database, column=Length.HOUR).values()), Tally()).delivered > 0
    for longest in Length:
        if longest is not Length.SLOT:
            parts = volumes(database, longest=longest).parts
            assert sum(one.attempts for one in parts) == 5 * 4 * 6 + 1
            assert sum(one.ok for one in parts) == 5 * 4 * 3 + 1
            assert sum(one.delivered for one in parts) == 5 * 4 * 3 + 1
            assert sum(one.dead for one in parts) == 5 * 4


def from_facts(db: Connection) -> dict[Key, Tally]:
    """What became of each delivery as outbox_audit tells it, by the day of its routing."""
    rows: Any = db.execute(
        "SELECT d.connector_id, coalesce(d.business_unit, ''), date_trunc('day', d.created_at, 'UTC'),"
        " count(*) FILTER (WHERE d.state = 'delivered'),"
        " count(*) FILTER (WHERE d.state = 'delivered' AND d.attempts > 1),"
        " count(*) FILTER (WHERE d.state = 'dead'), count(*) FILTER (WHERE d.state = 'cancelled')"
        " FROM outbox_audit.deliveries d WHERE d.state <> 'unknown' GROUP BY 1, 2, 3"
    ).fetchall()
    return {Key(connector, unit, at): Tally(*counts) for connector, unit, at, *counts in rows}


def test_a_replay_moves_its_delivery_to_what_it_becomes(database: Database, db: Connection) -> None:
    """Dead and then delivered is delivered; delivered stays so; all at the time of its routing, counted days later."""
    crm = insert_connector(db)
    long_ago = TODAY - 3 * DAY + timedelta(hours=5)
    mended = attempted(db, crm, long_ago, outcome="timeout", status_code=None, settled="dead")
    cancelled = attempted(db, crm, long_ago, outcome="interrupted", status_code=None, settled="cancelled")
    again = attempted(db, crm, long_ago, outcome="timeout", status_code=None, settled="dead")
    stays = attempted(db, crm, long_ago)
    count(database)
    key = Key(crm, "bu1", Length.DAY.floor(long_ago))
    assert outcomes(database) == {key: Tally(delivered=1, dead=2, cancelled=1)}

    insert_attempt(db, mended, crm, 2, kind="replay", started_at=NOW - timedelta(hours=30))
    dead: dict[str, Any] = {"kind": "replay", "outcome": "timeout", "status_code": None, "settled": "dead"}
    insert_attempt(db, cancelled, crm, 2, **dead)
    insert_attempt(db, again, crm, 2, **dead)
    insert_attempt(db, stays, crm, 2, **dead)

    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM outbox.figure"))
        connection.execute(text("UPDATE outbox.counted SET until = :until"), {"until": TODAY - 9 * DAY})
    count(database)
    assert outcomes(database) == {key: Tally(delivered=2, retried=1, dead=2)}
    assert replace(from_facts(db)[key], retried=1) == outcomes(database)[key]


def test_who_is_limited_gets_figures_of_their_units_alone(database: Database, db: Connection) -> None:
    """Of a connector of several units too: counted or from the facts, no other unit's attempt is in them."""
    crm = insert_connector(db, business_units=["bu1", "bu2"])
    for at in (TODAY - 2 * DAY, NOW - timedelta(minutes=1)):
        attempted(db, crm, at, unit="bu1")
        attempted(db, crm, at, unit="bu2", outcome="timeout", status_code=None, settled="dead", duration_ms=9e6)
        attempted(db, crm, at, unit=None, outcome="timeout", status_code=None, settled="dead")
    count(database)

    mine = outcomes(database, within=("bu1",))
    parts = volumes(database, within=("bu1",)).parts
    took = latencies(database, within=("bu1",))

    assert {key.business_unit for key in mine} == {"bu1"}
    assert sum(mine.values(), Tally()) == Tally(delivered=2)
    assert (sum(one.attempts for one in parts), sum(one.dead for one in parts)) == (2, 0)
    assert sum(sum(one.values()) for one in took.answer.values()) == 2
    assert outcomes(database, within=("bu9",)) == {}
    assert sum(outcomes(database).values(), Tally()) == Tally(delivered=2, dead=4)


def test_latencies_are_as_the_day_tells_them(database: Database, db: Connection) -> None:
    """Off by a bin at most, with retries; backfills, replays and what had no answer are left out."""
    crm = insert_connector(db)
    for tenths in range(1, 101):
        attempted(db, crm, TODAY - DAY, duration_ms=tenths * 10)
    backfilled = routed(db, crm, TODAY - 2 * DAY, kind="backfill")
    insert_attempt(db, backfilled, crm, started_at=TODAY - DAY, duration_ms=5)
    attempted(db, crm, TODAY - DAY, outcome="timeout", status_code=None, duration_ms=15_000)
    (exact,) = db.execute(
        "SELECT delivery_p50_ms, delivery_p95_ms, answer_p50_ms FROM outbox_audit.connector_daily"
    ).fetchall()

    count(database)
    took = latencies(database)

    delivery, answer = percentiles(took.delivery[TODAY - DAY]), percentiles(took.answer[TODAY - DAY])
    assert delivery is not None
    assert answer is not None
    for found, told in zip((delivery[0], delivery[1], answer[0]), exact, strict=True):
        assert isinstance(told, float)
        assert told / upper(1) <= found <= told * upper(1)


def test_what_is_not_counted_yet_has_latencies_too(database: Database, db: Connection) -> None:
    """From the facts, by the same bins."""
    crm = insert_connector(db)
    count(database)
    attempted(db, crm, NOW - timedelta(minutes=1), duration_ms=1)
    attempted(db, crm, NOW - timedelta(minutes=1), duration_ms=300, outcome="http_error")

    took = latencies(database)

    assert {place: n for one in took.answer.values() for place, n in one.items()} == {0: 1, 66: 1}
    assert {place: n for one in took.delivery.values() for place, n in one.items()} == {80: 1}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_hours_and_days_are_those_of_utc_whoever_counts(database: Database, db: Connection, zone: str) -> None:
    """Across midnight, and the night when clocks change, the session's zone moves nothing."""
    crm = insert_connector(db)
    for minutes in (-1, 1):
        attempted(db, crm, TODAY - DAY + timedelta(minutes=minutes))
    with database.engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {database.name} SET TimeZone = '{zone}'"))
    database.engine.dispose()
    count(database)

    days = {key.at.astimezone(UTC) for key in outcomes(database)}

    assert days == {TODAY - DAY, TODAY - 2 * DAY}
    assert {one.since.astimezone(UTC).hour for one in volumes(database, longest=Length.HOUR).parts} == {23, 0}


def test_two_workers_count_each_stretch_once(database: Database, db: Connection) -> None:
    """Also where both take their turn at the same time."""
    mixed(db)
    facts = from_facts(db)
    counts: list[int] = []

    def turn() -> None:
        counts.append(count_figures(database.engine, chore="figures", seconds=1e-6))

    threads = [threading.Thread(target=turn) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(counts) == 3
    assert outcomes(database) == facts


def test_an_attempt_recorded_late_is_in_its_hour(database: Database, db: Connection) -> None:
    """Its slot was counted before it ended; the hour is counted anew once it is over for six."""
    crm = insert_connector(db)
    at = Length.HOUR.floor(NOW) - timedelta(hours=8)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE outbox.counted SET until = :until"), {"until": at})
        connection.execute(text("UPDATE outbox.counted SET until = :u WHERE minutes = 5"), {"u": at + DAY / 24})
    attempted(db, crm, at + timedelta(minutes=20))

    count(database)

    assert outcomes(database, column=Length.HOUR) == {Key(crm, "bu1", at): Tally(delivered=1)}


def test_figures_outlive_their_facts_and_are_forgotten_in_turn(database: Database, db: Connection) -> None:
    """Slots go after two days, hours after forty, days after four hundred."""
    crm = insert_connector(db)
    attempted(db, crm, TODAY - 3 * DAY)
    count(database)
    before = outcomes(database)
    rewrite(db, "DELETE FROM outbox.attempt")
    assert outcomes(database) == before != {}
    db.execute("UPDATE outbox.figure SET since = since - interval '60 days'")

    count(database)

    assert db.execute("SELECT minutes FROM outbox.figure").fetchall() == [(1440,)]


def test_a_long_history_is_not_read_before_it_is_counted(database: Database, db: Connection) -> None:
    """Until it is, the last half hour alone is told from the facts, and that counting is behind."""
    crm = insert_connector(db)
    attempted(db, crm, TODAY - 3 * DAY)
    attempted(db, crm, NOW - timedelta(minutes=1))

    found = volumes(database)

    assert sum(one.attempts for one in found.parts) == 1
    assert found.marks.behind is not None
    count(database)
    found = volumes(database)
    assert sum(one.attempts for one in found.parts) == 2
    assert found.marks.behind is None
