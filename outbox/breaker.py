"""When a connector is held because its receiver fails, probed, let go or given up (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from outbox.model import Attempt, Outcome
from outbox.moment import write_moment
from outbox.retry import ASKS_FOR_TIME, LONGEST_RETRY_AFTER_SECONDS, retry_after_seconds

REFUSALS = frozenset({400, 406, 409, 411, 412, 413, 414, 415, 417, 422, 428, 431})
"""Statuses by which a receiver that is well refuses one report."""

FIRST_PROBE_SECONDS = 5.0
LONGEST_PROBE_SECONDS = 300.0


class Sign(StrEnum):
    """What an attempt tells of the receiver."""

    ANSWERS = "answers"
    FAILS = "fails"
    NOTHING = "nothing"


class Turn(StrEnum):
    """What has become of a connector's health."""

    HELD = "held"
    ANSWERS = "answers"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Rules:
    """After how many failures in a row a connector is held, and after how long without an answer given up."""

    hold_after_failures: int
    disable_after_days: float


@dataclass(frozen=True, slots=True)
class Health:
    """How a connector's receiver fails: one that has no such row is well."""

    connector_id: int
    failures: int
    failing_since: datetime
    last_error: str | None = None
    held_at: datetime | None = None
    held_reason: str | None = None
    probe_at: datetime | None = None
    probes: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What a batch of attempts tells of one receiver: whether it answered, and the failures since it last did.

    `probe` says that a probe has come back, `patience_seconds` how long the receiver asked to be left alone.
    """

    connector_id: int
    answered: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    last_error: str | None = None
    probe: bool = False
    patience_seconds: float = 0.0

    @property
    def tells(self) -> bool:
        """Whether there is anything to write for a connector that fails."""
        return self.answered or self.failures > 0 or self.probe


@dataclass(frozen=True, slots=True)
class Verdict:
    """A connector's health from now on (None: well), what turned, and why in words."""

    connector_id: int
    health: Health | None
    turn: Turn | None = None
    words: str = ""


def sign_of(attempt: Attempt) -> Sign:
    """What an attempt tells of the receiver."""
    match attempt.response.outcome:
        case Outcome.OK:
            return Sign.ANSWERS
        case Outcome.HTTP_ERROR if attempt.response.status in REFUSALS:
            return Sign.ANSWERS
        case (
            Outcome.HTTP_ERROR
            | Outcome.TIMEOUT
            | Outcome.DNS
            | Outcome.CONNECT
            | Outcome.TLS
            | Outcome.BLOCKED
            | Outcome.PROTOCOL
        ):
            return Sign.FAILS
        case Outcome.REPORT | Outcome.INTERRUPTED | Outcome.LOST | Outcome.LATE:
            return Sign.NOTHING
        case _:
            assert_never(attempt.response.outcome)


def tallies(attempts: Iterable[Attempt]) -> tuple[Tally, ...]:
    """What attempts, in the order in which they ended, tell of each receiver."""
    found: dict[int, Tally] = {}
    for attempt in attempts:
        connector_id = attempt.leased.connector_id
        tally = found.get(connector_id, Tally(connector_id))
        tally = replace(tally, probe=tally.probe or attempt.probe)
        match sign_of(attempt):
            case Sign.ANSWERS:
                tally = Tally(connector_id, answered=True, probe=tally.probe)
            case Sign.FAILS:
                tally = _failed(tally, attempt)
            case Sign.NOTHING:
                pass
        found[connector_id] = tally
    return tuple(found[connector_id] for connector_id in sorted(found))


def _failed(tally: Tally, attempt: Attempt) -> Tally:
    response, asked = attempt.response, 0.0
    if response.status in ASKS_FOR_TIME:
        asked = retry_after_seconds(response.headers, now=attempt.started_at) or 0.0
    return replace(
        tally,
        failures=tally.failures + 1,
        failing_since=min(tally.failing_since or attempt.started_at, attempt.started_at),
        last_error=response.error or response.error_code or response.outcome.value,
        patience_seconds=max(tally.patience_seconds, min(asked, LONGEST_RETRY_AFTER_SECONDS)),
    )


def judge(before: Health, tally: Tally, *, rules: Rules, now: datetime) -> Verdict:
    """What becomes of a connector's health; `before` has no failures where it was well."""
    if not tally.answered:
        return _without_answer(before, tally, rules=rules, now=now)
    turn = Turn.ANSWERS if before.held_at is not None else None
    if tally.failures == 0:
        return Verdict(before.connector_id, None, turn)
    anew = _without_answer(Health(before.connector_id, 0, now), tally, rules=rules, now=now)
    return replace(anew, turn=anew.turn or turn)


def _without_answer(before: Health, tally: Tally, *, rules: Rules, now: datetime) -> Verdict:
    if tally.failures == 0:  # a probe that tells nothing: another may go at once
        again = replace(before, probe_at=now) if before.held_at is not None and tally.probe else before
        return Verdict(before.connector_id, again if before.failures else None)
    first = tally.failing_since or now
    failing = replace(
        before,
        failures=before.failures + tally.failures,
        failing_since=min(before.failing_since, first) if before.failures else first,
        last_error=tally.last_error,
    )
    if before.held_at is not None:
        return _still_held(failing, tally, rules=rules, now=now)
    if failing.failures < rules.hold_after_failures:
        return Verdict(before.connector_id, failing)
    words = f"{failing.failures} attempts in a row failed; the last: {failing.last_error}"
    wait = _pause(0, tally.patience_seconds)
    held = replace(failing, held_at=now, held_reason=words, probe_at=now + wait, probes=0)
    return Verdict(before.connector_id, held, Turn.HELD, words)


def _still_held(failing: Health, tally: Tally, *, rules: Rules, now: datetime) -> Verdict:
    if not tally.probe:  # one that was under way when it was held
        return Verdict(failing.connector_id, failing)
    probes = failing.probes + 1
    held = replace(failing, probes=probes, probe_at=now + _pause(probes, tally.patience_seconds))
    if now - held.failing_since < timedelta(days=rules.disable_after_days):
        return Verdict(held.connector_id, held)
    words = (
        f"its receiver has taken no report since {write_moment(held.failing_since)}:"
        f" {held.failures} attempts in a row failed; the last: {held.last_error}"
    )
    return Verdict(held.connector_id, held, Turn.GIVEN_UP, words)


def _pause(probes: int, asked_seconds: float) -> timedelta:
    """Until the next probe, after so many that failed; never before the receiver asked for."""
    doubled: float = FIRST_PROBE_SECONDS * 2 ** min(probes, 10)
    return timedelta(seconds=max(min(doubled, LONGEST_PROBE_SECONDS), asked_seconds))
