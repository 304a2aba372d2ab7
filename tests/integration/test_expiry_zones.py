"""Dates end with their day in their zone, and times without a zone mean it; daylight saving and all."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from outbox.errors import ConfigurationError
from tests.conftest import Database
from tests.expiries import contract, expiring, raised, scan, since
from tests.sources import Source

ZONES = (
    *("Europe/Berlin", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"),
    # Clocks there are, or were, changed at midnight, in one direction or the other.
    *("America/Havana", "America/Sao_Paulo", "America/St_Johns", "Atlantic/Azores", "Asia/Beirut", "Africa/Cairo"),
    *("Asia/Gaza", "America/Asuncion", "America/Santiago", "Asia/Tehran", "Asia/Amman", "America/Scoresbysund"),
)
FIRST, LAST = date(1980, 1, 1), date(2025, 1, 1)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The minute from which no clock shows that day, found by looking at clocks."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    quarters = (noon + timedelta(minutes=15 * n) for n in range(4 * 40, -4 * 20, -1))
    quarter = next(at for at in quarters if at.astimezone(zone).date() <= day)
    minutes = (quarter + timedelta(minutes=n) for n in range(15, -1, -1))
    return next(at for at in minutes if at.astimezone(zone).date() <= day) + timedelta(minutes=1)


def changes(name: str) -> list[tuple[str, date]]:
    """Days around each change of the zone's clocks."""
    zone, found, before = ZoneInfo(name), set[date](), None
    for n in range((LAST - FIRST).days):
        day = FIRST + timedelta(days=n)
        offset = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(zone).utcoffset()
        if before is not None and offset != before:
            found |= {day - timedelta(days=1), day}
        before = offset
    return [(name, day) for day in sorted(found)[::3]]


def test_a_day_ends_when_no_clock_shows_it(database: Database) -> None:
    """Days of 23, 24 and 25 hours, midnights that don't come or come twice, a day that was left out."""
    asked = [one for name in ZONES for one in changes(name)]
    asked.append(("Pacific/Apia", date(2011, 12, 30)))
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT outbox.end_of_day(d, z) FROM unnest(CAST(%s AS text[]), CAST(%s AS date[])) AS u (z, d)",
            ([one[0] for one in asked], [one[1] for one in asked]),
        ).fetchall()
    wrong = [
        (name, day, told)
        for (name, day), (told,) in zip(asked, rows, strict=True)
        if told != end_of(day, ZoneInfo(name))
    ]
    assert len(asked) > 500
    assert wrong == []


def zoned(database: Database, kind: str, *, unit: str = "", own: str = "", **expired: Any) -> Source:
    """The application with expires_at of this type; `unit` and `own` are columns for the two queries."""
    source = Source(database)
    source.run(
        f"ALTER TABLE contract ALTER expires_at TYPE {kind} USING NULL, ADD zone text", "ALTER TABLE unit ADD zone text"
    )
    query = f"SELECT id AS contract_id, unit_id AS business_unit, status, expires_at, title{own} FROM contract"  # noqa: S608 (ours)
    source.install(
        contract={"query": query},
        company=None,
        business_unit={"query": f"SELECT id AS business_unit, name{unit} FROM unit"},  # noqa: S608 (ours)
        capture=[{"trigger": "create", "table": "contract", "on": "insert", "contract": "new.id"}],
        expired={"open": "true", **expired},
    )
    since(source, "'2019-01-01+00'")
    return source


def test_whose_day_it_is(database: Database) -> None:
    """The contract's zone before its business unit's before the mapping's; a zone that nobody knows counts as none."""
    source = zoned(database, "date", unit=", zone AS time_zone", own=", zone AS time_zone", time_zone="Europe/Berlin")
    source.run("UPDATE unit SET zone = CASE id WHEN 2 THEN 'America/New_York' ELSE 'Mars/Base' END")
    contract(source, 1, "'2026-06-30'")
    contract(source, 2, "'2026-06-30'", unit_id="2")
    contract(source, 3, "'2026-06-30'", unit_id="2", zone="'Asia/Tokyo'")
    contract(source, 4, "'2026-06-30'", zone="'Nowhere'")
    for number, value in ((5, "'infinity'"), (6, "'-infinity'"), (7, "NULL")):
        contract(source, number, value)
    scan(source)
    assert {one: at.astimezone(UTC).isoformat() for one, at in raised(source)} == {
        "1": "2026-06-30T22:00:00+00:00",
        "2": "2026-07-01T04:00:00+00:00",
        "3": "2026-06-30T15:00:00+00:00",
        "4": "2026-06-30T22:00:00+00:00",
    }
    assert scan(source, sweep=True).raised == 0


@pytest.mark.parametrize(("zone", "hours"), [("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12), ("UTC", 0)])
def test_a_day_is_over_where_it_is(database: Database, zone: str, hours: int) -> None:
    """Today's date has not passed, yesterday's has, by the clock of the zone and no other."""
    source = zoned(database, "date", time_zone=zone)
    today = f"CAST((now() AT TIME ZONE 'UTC') + interval '{hours} hours' AS date)"
    contract(source, 1, f"{today} - 1")
    contract(source, 2, today)
    scan(source)
    assert [one for one, _ in raised(source)] == ["1"]


def test_times_without_a_zone(database: Database) -> None:
    """Mean the mapping's zone, summer and winter."""
    source = zoned(database, "timestamp", time_zone="Europe/Berlin")
    contract(source, 1, "'2026-01-31 12:00'")
    contract(source, 2, "'2026-07-31 12:00'")
    contract(source, 3, "(now() AT TIME ZONE 'Europe/Berlin') + interval '1 minute'")
    contract(source, 4, "'infinity'")
    scan(source)
    assert [(one, at.astimezone(UTC).hour) for one, at in raised(source)] == [("1", 11), ("2", 10)]


@pytest.mark.parametrize(
    ("expired", "fault"),
    [
        ({"open": "true"}, "expected a zone, since expires_at is a date and says nothing of whose day it is"),
        ({"open": "true", "time_zone": "Berlin"}, "a zone that PostgreSQL knows, such as Europe/Berlin, got 'Berlin'"),
    ],
)
def test_a_date_needs_a_zone(database: Database, expired: dict[str, Any], fault: str) -> None:
    """Without one, or with one that doesn't exist, nothing is installed."""
    source = Source(database)
    source.run("ALTER TABLE contract ALTER expires_at TYPE date")
    with pytest.raises(ConfigurationError) as refused:
        source.install(expired=expired)
    assert fault in str(refused.value)


def test_a_zone_that_is_not_needed(database: Database) -> None:
    """An instant has its zone: to name one is a warning."""
    source = expiring(database)
    planned = source.install(expired={"open": "true", "time_zone": "Europe/Berlin"})
    assert [one for one in planned.inspected.warnings if one.startswith("expired")] == [
        "expired.time_zone: has no effect, since expires_at has its zone; take it out"
    ]
