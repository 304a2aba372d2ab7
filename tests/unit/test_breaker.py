"""When a connector is held, probed, let go and given up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.breaker import Health, Rules, Sign, Tally, Turn, judge, sign_of, tallies
from outbox.model import Attempt, Kind, Leased, Outcome, Response, Settled, Trigger

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = Rules(hold_after_failures=10, disable_after_days=5.0)
WELL = Health(7, 0, NOW)
HELD = Health(7, 10, NOW - timedelta(minutes=1), "HTTP 500", NOW, "why", NOW)
REFUSED = Response(Outcome.HTTP_ERROR, 1.0, status=500, error="HTTP 500")
OK = Response(Outcome.OK, 1.0, status=200)


def attempt(response: Response, *, connector_id: int = 7, probe: bool = False, started_at: datetime = NOW) -> Attempt:
    """An attempt at a connector; what it settles doesn't matter here."""
    leased = Leased(1, connector_id, "k1", Trigger.UPDATE, 1, 1, Kind.AUTO, 9, b"{}")
    return Attempt(leased, 1, started_at, response, "https://crm.example", {}, Settled.DEAD, probe=probe)


def failed(count: int, **values: object) -> Tally:
    """So many failures, as a batch tells them."""
    return replace(Tally(7, failures=count, failing_since=NOW, last_error="HTTP 500"), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "status", "sign"),
    [
        (Outcome.OK, 200, Sign.ANSWERS),
        *((Outcome.HTTP_ERROR, status, Sign.ANSWERS) for status in (400, 409, 413, 415, 422)),
        *((Outcome.HTTP_ERROR, status, Sign.FAILS) for status in (301, 401, 403, 404, 410, 429, 500, 502, 503)),
        (Outcome.TIMEOUT, None, Sign.FAILS),
        (Outcome.DNS, None, Sign.FAILS),
        (Outcome.CONNECT, None, Sign.FAILS),
        (Outcome.TLS, None, Sign.FAILS),
        (Outcome.BLOCKED, None, Sign.FAILS),
        (Outcome.PROTOCOL, None, Sign.FAILS),
        (Outcome.REPORT, None, Sign.NOTHING),
        (Outcome.INTERRUPTED, None, Sign.NOTHING),
        (Outcome.LOST, None, Sign.NOTHING),
        (Outcome.LATE, None, Sign.NOTHING),
    ],
)
def test_each_outcome_tells_one_thing_of_the_receiver(outcome: Outcome, status: int | None, sign: Sign) -> None:
    """A refusal of the one report is an answer; what we did ourselves tells nothing."""
    assert sign_of(attempt(Response(outcome, 1.0, status=status))) is sign


def test_a_batch_is_tallied_by_connector_from_the_last_answer_on() -> None:
    """Failures before an answer don't count; those after do, since the first of them, with the last one's words."""
    early, late = NOW - timedelta(seconds=9), NOW - timedelta(seconds=3)
    other = Response(Outcome.TIMEOUT, 1.0, error="no answer")

    assert tallies(
        [
            attempt(REFUSED, started_at=early),
            attempt(OK, connector_id=8),
            attempt(OK),
            attempt(REFUSED, started_at=late),
            attempt(Response(Outcome.REPORT, 1.0)),
            attempt(other),
        ]
    ) == (
        Tally(7, answered=True, failures=2, failing_since=late, last_error="no answer"),
        Tally(8, answered=True),
    )


def test_a_well_receivers_answer_and_what_tells_nothing_write_nothing() -> None:
    """There is nothing to write for a batch that says nothing."""
    assert not tallies([attempt(Response(Outcome.INTERRUPTED, 1.0))])[0].tells
    assert judge(WELL, Tally(7, answered=True), rules=RULES, now=NOW).health is None


def test_failures_in_a_row_add_up_until_it_is_held() -> None:
    """At the tenth, whatever batches they came in; the words name the last."""
    nine = judge(WELL, failed(9), rules=RULES, now=NOW)
    assert nine.health == Health(7, 9, NOW, "HTTP 500")
    assert nine.turn is None

    tenth = judge(nine.health, failed(1, last_error="no answer"), rules=RULES, now=NOW)

    assert tenth.turn is Turn.HELD
    assert tenth.health == Health(
        7, 10, NOW, "no answer", NOW, "10 attempts in a row failed; the last: no answer", NOW + timedelta(seconds=5)
    )


def test_failures_start_at_the_earliest_whoever_settles_first() -> None:
    """A worker may settle an older failure after a younger one."""
    older = NOW - timedelta(seconds=20)
    failing = judge(
        judge(WELL, failed(1), rules=RULES, now=NOW).health or WELL,
        failed(1, failing_since=older),
        rules=RULES,
        now=NOW,
    )

    assert failing.health is not None
    assert (failing.health.failures, failing.health.failing_since) == (2, older)


@pytest.mark.parametrize(("probes", "seconds"), [(0, 10), (1, 20), (4, 160), (5, 300), (900, 300)])
def test_a_probe_that_fails_doubles_the_pause(probes: int, seconds: float) -> None:
    """From five seconds to five minutes."""
    verdict = judge(replace(HELD, probes=probes), failed(1, probe=True), rules=RULES, now=NOW)

    assert verdict.turn is None
    assert verdict.health is not None
    assert (verdict.health.probes, verdict.health.probe_at) == (probes + 1, NOW + timedelta(seconds=seconds))


def test_a_receiver_that_asks_for_time_is_not_probed_before() -> None:
    """429 and 503 with Retry-After count as failures, and set the pause."""
    busy = Response(Outcome.HTTP_ERROR, 1.0, status=503, headers=(("Retry-After", "600"),))
    [tally] = tallies([attempt(busy, probe=True)])
    verdict = judge(HELD, tally, rules=RULES, now=NOW)

    assert verdict.health is not None
    assert verdict.health.probe_at == NOW + timedelta(seconds=600)


def test_a_straggler_leaves_the_next_probe_where_it_is() -> None:
    """What was in flight when it was held only counts."""
    verdict = judge(HELD, failed(3), rules=RULES, now=NOW + timedelta(seconds=2))

    assert verdict.health == replace(HELD, failures=13)


def test_a_probe_that_tells_nothing_lets_another_go_at_once() -> None:
    """As when its report could not be sent."""
    waiting = replace(HELD, probe_at=NOW + timedelta(seconds=30), probes=3)
    verdict = judge(waiting, Tally(7, probe=True), rules=RULES, now=NOW)

    assert verdict.health == replace(waiting, probe_at=NOW)


def test_an_answer_ends_the_hold() -> None:
    """A probe's or a straggler's; what fails after it in the same batch counts from one."""
    assert judge(HELD, Tally(7, answered=True, probe=True), rules=RULES, now=NOW).turn is Turn.ANSWERS
    assert judge(HELD, Tally(7, answered=True), rules=RULES, now=NOW).health is None

    again = judge(HELD, failed(2, answered=True), rules=RULES, now=NOW)
    assert (again.turn, again.health) == (Turn.ANSWERS, Health(7, 2, NOW, "HTTP 500"))


@pytest.mark.parametrize(("days", "turn"), [(4.9, None), (5.1, Turn.GIVEN_UP)])
def test_days_without_an_answer_are_the_end(days: float, turn: Turn | None) -> None:
    """Said by a probe that fails; the words say since when and how often."""
    silent = replace(HELD, failing_since=NOW - timedelta(days=days), failures=400)
    verdict = judge(silent, failed(1, probe=True), rules=RULES, now=NOW)

    assert verdict.turn is turn
    if turn is Turn.GIVEN_UP:
        assert "has taken no report since 2026-02-24T09:36" in verdict.words
        assert "401 attempts in a row failed; the last: HTTP 500" in verdict.words


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.booleans()), max_size=60))
def test_it_is_held_exactly_while_ten_failures_in_a_row_have_no_answer_after_them(
    batches: list[tuple[bool, int, bool]],
) -> None:
    """However answers and failures come in batches; a hold always has a next probe, and only a hold has one."""
    health, in_a_row = WELL, 0
    for number, (answered, failures, probe) in enumerate(batches):
        now = NOW + timedelta(seconds=number)
        tally = failed(failures, answered=answered, probe=probe) if failures else Tally(7, answered, probe=probe)
        verdict = judge(health, tally, rules=RULES, now=now)
        was_held = health.held_at is not None
        health = verdict.health or replace(WELL, failing_since=now)
        in_a_row = failures + (0 if answered else in_a_row)

        assert health.failures == in_a_row
        assert (health.held_at is not None) == (in_a_row >= RULES.hold_after_failures)
        assert (health.probe_at is not None) == (health.held_at is not None)
        assert (verdict.turn is Turn.ANSWERS) == (was_held and answered and health.held_at is None)
