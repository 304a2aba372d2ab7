"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.duration import parse_duration, write_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("1.5", 1.5), ("250ms", 0.25), ("5m", 300), ("1h 30m", 5400), (" 2W", 1209600)],
)
def test_durations_are_read(written: str, seconds: float) -> None:
    """Seconds, or numbers with units one after the other."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "5x", "m", "-5m", "5m later", "1e3", "nan"])
def test_what_is_no_duration_is_refused_in_words(written: str) -> None:
    """The message says what was expected and what came."""
    with pytest.raises(ValueError, match="expected seconds or a duration such as 5m or 1h30m, got"):
        parse_duration(written)


@given(st.floats(min_value=0, max_value=1e9, allow_nan=False))
def test_durations_read_back_as_written(seconds: float) -> None:
    """Writing a duration loses nothing."""
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds, rel=1e-12)
