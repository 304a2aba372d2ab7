"""What becomes of a delivery after an attempt: delivered, tried again after a delay, or dead."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, assert_never

from outbox.model import Connector, Leased, Outcome, Response

DEFAULT_SCHEDULE = (5.0, 60.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds before the 2nd, 3rd, ... attempt; after the last of them one more attempt, then the dead letter."""

JITTER = 0.1
LONGEST_RETRY_AFTER_SECONDS = 86_400.0

GONE = 410
ASKS_FOR_TIME = frozenset({429, 503})

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_HTTP_DATES = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has the report."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The delivery waits `delay_seconds`, which the database adds to its own clock, and is then due again.

    Where not `counted`, the try is not one of those the schedule allows. With `disable_connector` the
    connector is to be disabled, so the delivery waits as held until a person enables it, due at once then.
    """

    delay_seconds: float
    counted: bool = True
    disable_connector: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """The tries are spent, or there is nothing that could be sent."""


Verdict: TypeAlias = Delivered | RetryAt | Dead


def decide(
    response: Response,
    *,
    leased: Leased,
    connector: Connector,
    schedule: Sequence[float],
    jitter: float,
    now: datetime,
) -> Verdict:
    """Say what becomes of the delivery that `response` answered.

    `schedule` is the service's, in seconds; the connector's own goes before it. `jitter` is a die in [0, 1).
    `now` is zone-aware and stands in where a Retry-After date comes without the receiver's own Date.
    A 410 disables the connector and spends no try: what waits must go out once the address is mended.
    """
    match response.outcome:
        case Outcome.OK:
            return Delivered()
        case Outcome.REPORT:
            return Dead()
        case Outcome.INTERRUPTED:
            return RetryAt(0.0, counted=False)
        case Outcome.HTTP_ERROR if response.status == GONE:
            return RetryAt(0.0, counted=False, disable_connector=True)
        case (
            Outcome.HTTP_ERROR
            | Outcome.TIMEOUT
            | Outcome.DNS
            | Outcome.CONNECT
            | Outcome.TLS
            | Outcome.BLOCKED
            | Outcome.PROTOCOL
        ):
            own = schedule_for(connector, schedule)
            return _retry(response, tries=leased.tries, schedule=own, jitter=jitter, now=now)
        case Outcome.LOST | Outcome.LATE:
            raise ValueError(f"{response.outcome.value!r} is written by claim and settle; no send ends with it")
        case _:
            assert_never(response.outcome)


def schedule_for(connector: Connector, schedule: Sequence[float]) -> Sequence[float]:
    """Give the connector's own schedule, or the service's where it has none."""
    return schedule if connector.schedule is None else connector.schedule


def attempts_allowed(schedule: Sequence[float]) -> int:
    """Count the tries that a schedule allows: one, and one more after each of its delays."""
    return len(schedule) + 1


def exhausted(tries: int, schedule: Sequence[float]) -> bool:
    """Say whether a row that was tried `tries` times already is to be settled dead instead of sent.

    Lost leases are tries too, so a row that kills its worker each time ends here.
    """
    return tries >= attempts_allowed(schedule)


def retry_after_seconds(headers: Sequence[tuple[str, str]], *, now: datetime) -> float | None:
    """Read how long a receiver asks us to wait, at least 0; None where it doesn't say, or not legibly.

    A date counts from the receiver's own Date header where it has one, so that its clock may be wrong.
    """
    asked = _header(headers, "retry-after")
    if _SECONDS.fullmatch(asked):
        return float(asked)
    until = _http_date(asked)
    if until is None:
        return None
    since = _http_date(_header(headers, "date")) or now
    return max(0.0, (until - since).total_seconds())


def _retry(
    response: Response, *, tries: int, schedule: Sequence[float], jitter: float, now: datetime
) -> RetryAt | Dead:
    if exhausted(tries, schedule):
        return Dead()
    delay = schedule[max(tries, 1) - 1] * (1 + JITTER * (2 * jitter - 1))
    if response.status in ASKS_FOR_TIME:
        asked = retry_after_seconds(response.headers, now=now) or 0.0
        # Never before the time it asks for, but spread after it: it asked everyone for the same moment.
        delay = max(delay, min(asked * (1 + JITTER * jitter), LONGEST_RETRY_AFTER_SECONDS))
    return RetryAt(delay)


def _header(headers: Sequence[tuple[str, str]], name: str) -> str:
    return next((value.strip() for key, value in headers if key.lower() == name), "")


def _http_date(text: str) -> datetime | None:
    """Read one of the three forms of an HTTP date (RFC 9110 5.6.7)."""
    for form in _HTTP_DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
