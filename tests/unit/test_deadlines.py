"""When to look for deadlines, and from where on, for any times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outbox.deadlines import MARGIN, Progress, fewer, lateness, more, next_look, window

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PAST = st.timedeltas(timedelta(0), timedelta(days=800))
SECONDS = st.floats(min_value=0, max_value=600)


@given(since=PAST, scanned=st.none() | PAST, swept=st.none() | PAST, hours=st.floats(min_value=0, max_value=1000))
def test_no_window_leaves_a_gap(
    since: timedelta, scanned: timedelta | None, swept: timedelta | None, hours: float
) -> None:
    """Each goes on before the end of the last one, never before `since`, up to now; a sweep begins at `since`."""
    progress = Progress(
        since=NOW - since,
        scanned_to=None if scanned is None else NOW - scanned,
        swept_at=None if swept is None else NOW - swept,
        at=NOW,
    )
    looked = window(progress, sweep_hours=hours)
    assert NOW - since <= looked.after <= NOW
    assert looked.until == NOW
    assert looked.after == NOW - since or (scanned is not None and looked.after == NOW - scanned - MARGIN)
    assert looked.sweep == (scanned is None or swept is None or swept >= timedelta(hours=hours))
    assert not looked.sweep or looked.after == NOW - since


@given(ahead=st.none() | SECONDS, took=SECONDS, every=st.floats(min_value=1, max_value=3600))
def test_the_next_look_comes_in_time(ahead: float | None, took: float, every: float) -> None:
    """Within the interval and not before the nearest deadline, but never before four times what a look took."""
    nearest = None if ahead is None else NOW + timedelta(seconds=ahead)
    at = next_look(NOW, nearest, took=took, every=every)
    latest = NOW + timedelta(seconds=every)
    rest = NOW + max(timedelta(milliseconds=50), timedelta(seconds=4 * took))
    wanted = latest if nearest is None else min(latest, nearest)
    assert at == max(rest, wanted)


@given(took=SECONDS, every=st.floats(min_value=1, max_value=3600), spare=st.floats(min_value=1, max_value=900))
def test_what_is_late(took: float, every: float, spare: float) -> None:
    """The longest pause and a look as long as the last one are in time; what comes on top is late."""
    looked_at = NOW - timedelta(seconds=max(every, 4 * took) + took)
    assert abs(lateness(NOW, looked_at, took=took, every=every)) < 0.001
    assert abs(lateness(NOW, looked_at - timedelta(seconds=spare), took=took, every=every) - spare) < 0.001


@given(batch=st.integers(1, 10_000))
def test_a_failing_batch_shrinks_to_one_and_grows_again(batch: int) -> None:
    """Halved until it is one, doubled until it is what the settings say."""
    most, steps = batch, 0
    while most > 1:
        most, steps = fewer(most), steps + 1
    assert steps <= 14
    for _ in range(steps + 1):
        most = more(most, batch=batch)
    assert most == batch
