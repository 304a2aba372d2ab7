"""The grid: what a square tells, which rows there are and who sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.insight.grid import Chosen, Key, Line, Shade, Tally, columns, rows, with_waiting
from outbox.stretches import Length

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
STARTS = columns(NOW, Length.HOUR, 3)
NAMES = {"b": "Alpha", "a": "Beta"}


@pytest.mark.parametrize(
    ("tally", "shade", "words"),
    [
        (Tally(), Shade.NONE, "nothing to report"),
        (Tally(delivered=1200), Shade.DELIVERED, "1,200 delivered"),
        (Tally(delivered=3, retried=1), Shade.RETRIED, "3 delivered (1 after a retry)"),
        (Tally(delivered=3, dead=1), Shade.SOME_FAILED, "3 delivered, 1 dead"),
        (Tally(delivered=3, waiting=2, failing=1), Shade.SOME_FAILED, "3 delivered, 1 being retried, 1 waiting"),
        (Tally(dead=2), Shade.ALL_FAILED, "2 dead"),
        (Tally(waiting=2, failing=2), Shade.ALL_FAILED, "2 being retried"),
        (Tally(delivered=3, waiting=2), Shade.WAITING, "3 delivered, 2 waiting"),
        (Tally(cancelled=1), Shade.CANCELLED, "1 cancelled"),
        (Tally(delivered=1, cancelled=1), Shade.DELIVERED, "1 delivered, 1 cancelled"),
    ],
)
def test_a_square_tells_the_worst(tally: Tally, shade: Shade, words: str) -> None:
    """By shade, and all counts in words."""
    assert (tally.shade, tally.words) == (shade, words)


COUNTS = st.builds(Tally, *[st.integers(0, 5)] * 6)


@given(COUNTS, COUNTS)
def test_a_failure_stays_one_whatever_is_beside_it(one: Tally, other: Tally) -> None:
    """Adding deliveries never hides what failed."""
    failed = {Shade.SOME_FAILED, Shade.ALL_FAILED}

    assert ((one + other).shade in failed) == (one.shade in failed or other.shade in failed)
    assert (one + other).shade != Shade.NONE or (one.shade, other.shade) == (Shade.NONE, Shade.NONE)


def test_columns_end_with_the_present() -> None:
    """Hours and days of UTC, across midnight and the night when clocks go forward."""
    assert [start.isoformat() for start in STARTS] == [
        "2026-03-28T23:00:00+00:00",
        "2026-03-29T00:00:00+00:00",
        "2026-03-29T01:00:00+00:00",
    ]
    assert columns(NOW, Length.DAY, 2) == (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC))


def test_a_connector_stands_in_each_of_its_units_with_that_units_figures() -> None:
    """Groups by the unit's name; a unit that it delivered of counts as one, and nothing tells of the others."""
    shared = Line(1, "shared", "enabled", ("a", "b"))
    every = Line(2, "every", "enabled", ("*",))
    tallies = {Key(1, "a", STARTS[0]): Tally(delivered=1), Key(2, "b", STARTS[1]): Tally(dead=1)}

    found = rows([shared, every], tallies, STARTS, Length.HOUR, names=NAMES, within=None)

    assert [(row.business_unit, row.line.name, row.total) for row in found] == [
        ("b", "every", Tally(dead=1)),
        ("b", "shared", Tally()),
        ("a", "shared", Tally(delivered=1)),
    ]


def test_who_is_limited_sees_rows_of_their_units_alone() -> None:
    """Also of a connector of several, and of one for all that delivered elsewhere."""
    shared = Line(1, "shared", "enabled", ("a", "b"))
    every = Line(2, "every", "enabled", ("*",))
    tallies = {Key(1, "a", STARTS[0]): Tally(delivered=1), Key(2, "a", STARTS[0]): Tally(dead=1)}

    found = rows([shared, every], tallies, STARTS, Length.HOUR, names=NAMES, within=("b",))

    assert [(row.business_unit, row.line.name, row.total) for row in found] == [
        ("b", "shared", Tally()),
        (None, "every", Tally()),
    ]


def test_rows_are_chosen_by_name_unit_and_state() -> None:
    """Trouble is a failure in sight, or a connector that doesn't send."""
    lines = [Line(1, "CRM", "enabled", ("a",)), Line(2, "erp", "held", ("b",)), Line(3, "crm two", "enabled", ("b",))]
    found = rows(lines, {Key(3, "b", STARTS[2]): Tally(dead=1)}, STARTS, Length.HOUR, names=NAMES, within=None)

    def chosen(**by: str) -> list[int]:
        return [row.line.connector_id for row in found if Chosen(**by).keeps(row)]

    assert sorted(chosen(name="crm")) == [1, 3]
    assert sorted(chosen(business_unit="b")) == [2, 3]
    assert sorted(chosen(state="trouble")) == [2, 3]
    assert chosen(state="held", name="x") == []


def test_what_waits_counts_in_the_hour_or_day_of_its_routing() -> None:
    """Beside what was settled there; what is older than the grid is left out."""
    at = STARTS[0]
    settled = {Key(1, "a", at): Tally(delivered=1)}
    waiting = [(Key(1, "a", at), Tally(waiting=1)), (Key(1, "a", at + timedelta(hours=1)), Tally(waiting=2))]
    days = columns(NOW, Length.DAY, 2)

    assert with_waiting(settled, waiting, STARTS, Length.HOUR)[Key(1, "a", at)] == Tally(delivered=1, waiting=1)
    assert with_waiting({}, waiting, days, Length.DAY) == {
        Key(1, "a", days[0]): Tally(waiting=1),
        Key(1, "a", days[1]): Tally(waiting=2),
    }
    assert with_waiting({}, waiting, STARTS[1:], Length.HOUR) == {Key(1, "a", STARTS[1]): Tally(waiting=2)}
