"""Moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.moment import parse_moment, write_moment

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T10:00:00Z", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01T10:00:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        (" 2026-11-01 10:00 ", datetime(2026, 11, 1, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(written: str, expected: datetime) -> None:
    """A duration counts back from now; a time without a zone is UTC."""
    assert parse_moment(written, now=NOW) == expected


@pytest.mark.parametrize("written", ["", "yesterday", "90", "-2h", "2x", "2026-13-01", "999999999999w", "0001-01-01"])
def test_what_is_no_moment_is_refused_in_words(written: str) -> None:
    """The words say what was expected and what came; a bare number has no unit, so it is none."""
    with pytest.raises(ValueError, match="expected a moment") as raised:
        parse_moment(written, now=NOW)

    assert repr(written) in str(raised.value)


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001  zone added below
def test_a_written_moment_reads_back(moment: datetime) -> None:
    """Writing loses nothing, to the microsecond."""
    exact = moment.replace(tzinfo=UTC)

    assert parse_moment(write_moment(exact), now=NOW) == exact


@given(st.text())
def test_any_text_is_a_moment_or_refused_in_words(written: str) -> None:
    """Whatever is typed, parsing ends with a moment in UTC or a ValueError."""
    try:
        moment = parse_moment(written, now=NOW)
    except ValueError:
        return

    assert moment.utcoffset() == timedelta(0)
