"""From what came of a send to what is written: the attempt, and what it means for the delivery (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from outbox import breaker, retry
from outbox.model import Attempt, Connector, Leased, Outcome, Request, Response, Settled
from outbox.request import redacted_headers

SPENT = Response(
    Outcome.INTERRUPTED,
    0.0,
    error_code="tries_spent",
    error="not sent: all tries that the schedule allows are spent",
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """An attempt to write, and whether its connector is to be disabled."""

    attempt: Attempt
    disables: bool = False


def settlement(
    leased: Leased,
    connector: Connector,
    *,
    request: Request | None,
    response: Response,
    started_at: datetime,
    schedule: Sequence[float],
    jitter: float,
) -> Settlement:
    """What to write; `schedule` is the service's, `jitter` a die in [0, 1)."""
    settled: Settled | None = None
    delay, counted, disables = 0.0, True, False
    if response is SPENT:
        settled = Settled.DEAD
    else:
        match retry.decide(
            response, leased=leased, connector=connector, schedule=schedule, jitter=jitter, now=started_at
        ):
            case retry.Delivered():
                settled = Settled.DELIVERED
            case retry.Dead():
                settled = Settled.DEAD
            case retry.RetryAt() as again:
                delay, counted, disables = again.delay_seconds, again.counted, again.disable_connector
    attempt = Attempt(
        leased=leased,
        connector_version=connector.version,
        started_at=started_at,
        response=response,
        url=None if request is None else request.url,
        request_headers={} if request is None else redacted_headers(request),
        settled=settled,
        delay_seconds=delay,
        counted=counted,
        probe=connector.probed,
    )
    return Settlement(_back_in_line(attempt), disables)


def _back_in_line(attempt: Attempt) -> Attempt:
    """A probe that failed spends no try and waits behind the others, so that the next probe is another report."""
    if not attempt.probe or breaker.sign_of(attempt) is not breaker.Sign.FAILS:
        return attempt
    return replace(attempt, settled=None, delay_seconds=0.0, counted=False)
