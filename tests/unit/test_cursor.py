"""Cursors: what is written reads back, anything else is refused in words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.cursor import Cursor, Place, Sorting
from outbox.errors import ConfigurationError

MOMENTS = st.datetimes(min_value=datetime(1900, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001 (the zone is added)
IDS = st.integers(-1, 2**63 - 1)


ROUTED = st.builds(Cursor, st.just(Sorting.ROUTED), st.builds(Place, MOMENTS, IDS, IDS), st.booleans())
OF_EVENTS = st.builds(Cursor, st.just(Sorting.EVENT), st.builds(Place, st.none() | MOMENTS, IDS, IDS), st.booleans())


@given(ROUTED | OF_EVENTS)
def test_a_cursor_reads_back(cursor: Cursor) -> None:
    """To the microsecond, in letters that need no quoting in a URL."""
    written = str(cursor)

    assert written.replace("-", "").replace("_", "").isalnum()
    assert Cursor.read(written) == cursor


def test_a_place_in_time_needs_a_time() -> None:
    """One that leaves it out was made by hand."""
    with pytest.raises(ConfigurationError, match="start anew"):
        Cursor.read(str(Cursor(Sorting.ROUTED, Place(None, 1, 1))))


@given(st.text(max_size=40) | st.binary(max_size=30).map(lambda raw: raw.hex()))
def test_anything_else_is_refused(written: str) -> None:
    """No text of somebody else's breaks a page."""
    with pytest.raises(ConfigurationError, match="start anew"):
        Cursor.read(written)
