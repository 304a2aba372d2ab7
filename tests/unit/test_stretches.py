"""Which stretch of time is counted next, and which tell of a time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.stretches import MOST_UNCOUNTED, REST, Length, Marks, Stretch, floor, next_stretch, sources

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (given a zone)
NOW = datetime(2026, 3, 29, 12, 3, tzinfo=UTC)


def at(written: str) -> datetime:
    """A moment of March 2026."""
    return datetime.fromisoformat(f"2026-03-{written}+00:00")


@given(MOMENTS, st.sampled_from(Length))
def test_every_moment_lies_in_the_stretch_that_begins_at_its_floor(moment: datetime, length: Length) -> None:
    """And stretches of a length follow each other without a gap."""
    start = length.floor(moment)

    assert start <= moment < start + length.span
    assert length.floor(start) == start
    assert length.floor(start - timedelta(microseconds=1)) == start - length.span


@pytest.mark.parametrize("hours", [-10, 0, 5.5, 14])
def test_a_stretch_is_one_of_utc(hours: float) -> None:
    """Whatever zone the moment is written in; a day has 24 hours, also where clocks go forward."""
    there = NOW.astimezone(timezone(timedelta(hours=hours)))

    assert floor(there, timedelta(days=1)) == at("29 00:00")
    assert Length.HOUR.floor(there) == at("29 12:00")


@pytest.mark.parametrize(
    ("length", "counted", "first", "limit", "expected"),
    [
        (Length.HOUR, "29 04:00", "29 04:30", None, ("29 04:00", "29 05:00")),
        (Length.HOUR, "29 05:00", "29 05:30", None, ("29 05:00", "29 06:00")),
        (Length.HOUR, "29 06:00", "29 06:01", None, None),
        (Length.HOUR, "20 06:00", "27 06:01", None, ("27 06:00", "27 07:00")),
        (Length.HOUR, "20 06:00", None, None, ("29 06:00", "29 06:00")),
        (Length.HOUR, "20 06:00", "29 11:00", None, ("29 06:00", "29 06:00")),
        (Length.SLOT, "29 11:50", "29 11:52", None, ("29 11:50", "29 11:55")),
        (Length.SLOT, "29 11:55", "29 11:57", None, None),
        (Length.SLOT, "20 00:00", "20 00:00", None, ("29 06:00", "29 06:05")),
        (Length.DAY, "27 00:00", "27 00:00", "29 05:00", ("27 00:00", "28 00:00")),
        (Length.DAY, "28 00:00", "28 00:00", "28 23:00", None),
    ],
    ids=[
        *("an hour over for six", "the latest such", "not over for six", "over empty days", "nothing came"),
        *("what came is too young", "a slot over for six minutes", "a slot too young", "slots that hours tell of"),
        *("a day of counted hours", "a day whose hours lack"),
    ],
)
def test_the_next_stretch(
    length: Length, counted: str, first: str | None, limit: str | None, expected: tuple[str, str] | None
) -> None:
    """The first that is over for long enough and holds something; none where there is none."""
    found = next_stretch(
        length, counted=at(counted), first=at(first) if first else None, limit=at(limit) if limit else None, now=NOW
    )

    assert found == (expected and Stretch(at(expected[0]), at(expected[1])))


@given(MOMENTS, st.sampled_from([Length.SLOT, Length.HOUR]), st.lists(st.integers(0, 60 * 24), max_size=8))
def test_counting_on_reaches_the_present_and_leaves_nothing_out(
    now: datetime, length: Length, minutes: list[int]
) -> None:
    """Whatever came when: every attempt that is old enough lies in one counted stretch, and none in two."""
    begin = length.floor(now - timedelta(days=1))
    attempts = sorted(now - timedelta(minutes=one) for one in minutes)
    counted, stretches = begin, list[Stretch]()
    for _ in range(2_000):
        first = next((one for one in attempts if one >= counted), None)
        stretch = next_stretch(length, counted=counted, first=first, limit=None, now=now)
        if stretch is None:
            break
        counted = stretch.until
        stretches.append(stretch)

    end = length.floor(now - REST[length])
    oldest = max(begin, Length.HOUR.floor(now - REST[Length.HOUR])) if length is Length.SLOT else begin
    assert counted == max(begin, end)
    for one in attempts:
        times = sum(stretch.since <= one < stretch.until for stretch in stretches)
        assert times == (oldest <= one < end)


@given(MOMENTS, st.sampled_from(Length), st.integers(0, 60 * 24 * 40), st.tuples(*[st.integers(0, 5_000)] * 3))
def test_every_moment_is_told_by_one_source(
    now: datetime, longest: Length, minutes: int, ago: tuple[int, int, int]
) -> None:
    """To the last mark without overlap; a length that is too long tells nothing, and the facts tell what follows."""
    slots, hours, days = (now - timedelta(minutes=one) for one in sorted(ago))
    marks = Marks(Length.SLOT.floor(slots), Length.HOUR.floor(hours), Length.DAY.floor(days), now)
    since = longest.floor(now - timedelta(minutes=minutes))

    counted = sources(marks, since, longest=longest)

    ends = [since, *(one.part.until for one in counted)]
    assert [one.part.since for one in counted] == ends[:-1]
    assert all(one.length <= longest and not one.part.empty for one in counted)
    assert ends[-1] == max(since, marks.slots)
    assert marks.uncounted_since == marks.slots or marks.slots < now - MOST_UNCOUNTED


def test_whoever_counts_is_told_to_be_behind() -> None:
    """Where slots or hours are older than they should be; not in the minutes that they take."""
    well = Marks(at("29 11:55"), at("29 06:00"), at("28 00:00"), NOW)

    assert well.behind is None
    assert Marks(at("29 11:20"), at("29 06:00"), at("28 00:00"), NOW).behind == at("29 06:00")
    assert Marks(at("29 11:55"), at("28 06:00"), at("28 00:00"), NOW).behind == at("28 06:00")
