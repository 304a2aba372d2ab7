"""What becomes of a delivery after each outcome."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.model import Connector, Kind, Leased, Outcome, Response, Trigger
from outbox.retry import (
    DEFAULT_SCHEDULE,
    Dead,
    Delivered,
    RetryAt,
    Verdict,
    attempts_allowed,
    decide,
    exhausted,
    retry_after_seconds,
)

NOW = datetime(2025, 11, 24, 12, 0, 0, tzinfo=UTC)
DAY = 86_400.0
DICE = st.floats(min_value=0, max_value=1, exclude_max=True)
FAILURES = st.sampled_from(
    [
        Outcome.HTTP_ERROR,
        Outcome.TIMEOUT,
        Outcome.DNS,
        Outcome.CONNECT,
        Outcome.TLS,
        Outcome.BLOCKED,
        Outcome.PROTOCOL,
    ]
)


def verdict(
    outcome: Outcome = Outcome.HTTP_ERROR,
    status: int | None = 500,
    *,
    tries: int = 1,
    headers: tuple[tuple[str, str], ...] = (),
    schedule: tuple[float, ...] = DEFAULT_SCHEDULE,
    own_schedule: tuple[float, ...] | None = None,
    jitter: float = 0.5,
) -> Verdict:
    """Decide on a response to the given try."""
    leased = Leased(
        event_id=1,
        connector_id=2,
        contract_id="c",
        trigger=Trigger.UPDATE,
        attempt=tries + 7,
        tries=tries,
        kind=Kind.AUTO,
        token=3,
        body=b"{}",
    )
    connector = Connector(
        id=2,
        version=1,
        name="crm",
        business_units=("bu",),
        triggers=frozenset(Trigger),
        url="https://example.com/webhook",
        schedule=own_schedule,
    )
    response = Response(outcome=outcome, duration_ms=1.0, status=status, headers=headers)
    return decide(response, leased=leased, connector=connector, schedule=schedule, jitter=jitter, now=NOW)


def delay(found: Verdict) -> float:
    """Take the delay of a verdict that must be a counted retry."""
    assert isinstance(found, RetryAt)
    assert found.counted
    assert not found.disable_connector
    return found.delay_seconds


def test_a_2xx_is_delivered() -> None:
    """An answer that the sender calls ok settles the delivery."""
    assert verdict(Outcome.OK, 204) == Delivered()


def test_the_default_schedule_is_the_documented_one() -> None:
    """5 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: eleven attempts."""
    hours = [2, 5, 10, 14, 20, 24]

    assert (5, 60, 300, 1800, *(h * 3600 for h in hours)) == DEFAULT_SCHEDULE
    assert attempts_allowed(DEFAULT_SCHEDULE) == 11


@pytest.mark.parametrize("tries", range(1, 11))
def test_each_failed_try_waits_its_place_in_the_schedule(tries: int) -> None:
    """The n-th try of the present schedule waits the n-th delay; earlier schedules' attempts don't count."""
    assert delay(verdict(tries=tries)) == DEFAULT_SCHEDULE[tries - 1]


@given(FAILURES, st.integers(min_value=11, max_value=1000), DICE)
def test_a_delivery_whose_tries_are_spent_is_dead(outcome: Outcome, tries: int, jitter: float) -> None:
    """The last allowed try, or any beyond it, ends in the dead letter, whatever failed."""
    assert verdict(outcome, None, tries=tries, jitter=jitter) == Dead()


def test_the_connectors_own_schedule_goes_before_the_services() -> None:
    """A connector with a schedule of its own uses that; an empty one allows one try."""
    assert delay(verdict(own_schedule=(7.0,))) == 7.0
    assert verdict(tries=2, own_schedule=(7.0,)) == Dead()
    assert verdict(own_schedule=()) == Dead()


@given(FAILURES, st.integers(min_value=1, max_value=10), DICE)
def test_jitter_moves_a_delay_by_at_most_a_tenth(outcome: Outcome, tries: int, jitter: float) -> None:
    """A delay is within 10 % of the schedule's and never negative."""
    planned = DEFAULT_SCHEDULE[tries - 1]

    found = delay(verdict(outcome, None, tries=tries, jitter=jitter))

    assert planned * 0.9 <= found <= planned * 1.1


@given(DICE, st.lists(DICE, min_size=9, max_size=9))
def test_delays_grow_with_the_tries(die: float, dice: list[float]) -> None:
    """With one die every delay is longer than the one before it; with any dice, all but 20 h and 24 h are."""
    same = [delay(verdict(tries=tries, jitter=die)) for tries in range(1, 11)]
    mixed = [delay(verdict(tries=tries, jitter=jitter)) for tries, jitter in enumerate(dice, 1)]

    assert all(early < late for early, late in [*pairwise(same), *pairwise(mixed)])


def test_a_410_disables_the_connector_and_spends_no_try() -> None:
    """Gone is about the address, not the report: the delivery waits, even on its last try."""
    waits = RetryAt(0.0, counted=False, disable_connector=True)

    assert verdict(status=410) == waits
    assert verdict(status=410, tries=11) == waits
    assert verdict(status=410, own_schedule=()) == waits


def test_an_interrupted_send_is_due_again_at_once_and_spends_no_try() -> None:
    """A shutdown is our doing, so it costs the delivery nothing."""
    assert verdict(Outcome.INTERRUPTED, None, tries=11) == RetryAt(0.0, counted=False)


def test_a_report_that_cannot_be_built_is_dead_at_once() -> None:
    """Trying again would send nothing again."""
    assert verdict(Outcome.REPORT, None) == Dead()


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.LATE])
def test_outcomes_that_no_send_has_are_a_broken_invariant(outcome: Outcome) -> None:
    """`lost` and `late` are written by claim and settle; deciding on them is a fault of ours, and loud."""
    with pytest.raises(ValueError, match=outcome.value):
        verdict(outcome, None)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("120", 120.0),
        (" 120 ", 120.0),
        ("7.5", 7.5),
        ("1", 4.5),
        ("0", 4.5),
        ("1000000", DAY),
        ("9" * 6000, DAY),
        ("Mon, 24 Nov 2025 12:02:00 GMT", 120.0),
        ("Monday, 24-Nov-25 12:02:00 GMT", 120.0),
        ("Mon Nov 24 12:02:00 2025", 120.0),
        ("Mon, 24 Nov 2025 11:00:00 GMT", 4.5),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("-5", 4.5),
        ("soon", 4.5),
        ("", 4.5),
        ("٣٠", 4.5),
        ("inf", 4.5),
        ("Mon, 99 Nov 2025 12:02:00 GMT", 4.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_between_the_schedule_and_a_day(status: int, asked: str, expected: float) -> None:
    """Seconds and all three forms of date are read; garbage, the past and too little fall to the schedule."""
    assert delay(verdict(status=status, headers=(("Retry-After", asked),), jitter=0.0)) == expected


@pytest.mark.parametrize("status", [500, 502, 301, 404])
def test_retry_after_counts_only_where_a_receiver_asks_for_time(status: int) -> None:
    """Other answers keep to the schedule, whatever header they carry."""
    assert delay(verdict(status=status, headers=(("Retry-After", "120"),))) == 5.0


def test_retry_after_allows_no_further_attempt() -> None:
    """A receiver that keeps asking for time still ends in the dead letter."""
    assert verdict(status=429, tries=11, headers=(("Retry-After", "1"),)) == Dead()


def test_a_date_counts_from_the_receivers_own_clock() -> None:
    """A receiver whose clock is an hour off asks for the same two minutes."""
    headers = (("date", "Mon, 24 Nov 2025 13:00:00 GMT"), ("retry-after", "Mon, 24 Nov 2025 13:02:00 GMT"))

    assert retry_after_seconds(headers, now=NOW) == 120.0
    assert retry_after_seconds(headers[1:], now=NOW) == timedelta(hours=1, minutes=2).total_seconds()


def test_a_schedule_beyond_a_day_is_not_shortened_by_retry_after() -> None:
    """The bound of a day holds for what receivers ask, not for what the operator decided."""
    assert delay(verdict(status=503, own_schedule=(200_000.0,), headers=(("Retry-After", "60"),))) == 200_000.0


@given(st.text(), st.text(), st.integers(min_value=1, max_value=10), DICE)
def test_no_header_makes_a_delay_leave_its_bounds(asked: str, date: str, tries: int, jitter: float) -> None:
    """Whatever a receiver writes, the delay stays between the schedule's and a day (or the schedule's)."""
    headers = (("retry-after", asked), ("Date", date))
    planned = delay(verdict(tries=tries, jitter=jitter))

    found = delay(verdict(status=429, tries=tries, headers=headers, jitter=jitter))

    assert planned <= found <= max(planned, DAY)


@given(st.integers(min_value=0, max_value=10**9), DICE)
def test_a_receiver_is_never_asked_before_the_time_it_gave(asked: int, jitter: float) -> None:
    """Jitter on Retry-After only adds: those who were all told the same moment come after it, spread."""
    found = delay(verdict(status=503, headers=(("Retry-After", str(asked)),), jitter=jitter))

    assert found >= min(asked, DAY)


@pytest.mark.parametrize(
    ("tries", "schedule", "expected"),
    [(0, (), False), (1, (), True), (10, DEFAULT_SCHEDULE, False), (11, DEFAULT_SCHEDULE, True), (99, (1.0,), True)],
)
def test_a_row_that_was_tried_as_often_as_allowed_is_exhausted(
    tries: int, schedule: tuple[float, ...], *, expected: bool
) -> None:
    """A row whose worker always dies is counted at claim, so it ends too."""
    assert exhausted(tries, schedule) is expected
