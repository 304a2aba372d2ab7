"""From what came of a send to what is written."""

import ast
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.clock import DatabaseClock
from outbox.model import Connector, Kind, Leased, Outcome, Request, Response, Settled, Trigger
from outbox.settlement import SPENT, Settlement, settlement

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONNECTOR = Connector(3, 7, "crm", ("bu1",), frozenset({Trigger.UPDATE}), "https://crm.example/hook")
REQUEST = Request(
    "https://crm.example/hook", (("webhook-id", "dlv_1_3"), ("Authorization", "Basic c2VjcmV0")), b"{}", 15.0
)
SENT_OUTCOMES = [one for one in Outcome if one not in (Outcome.LOST, Outcome.LATE)]
ENGINE = (
    *("relay", "router", "routing", "store", "send_pool", "settlement", "retry", "request", "report", "wake"),
    *("capacity", "shares", "breaker", "health", "holds", "worker", "clock"),
)


def leased(*, tries: int = 1, attempt: int = 1) -> Leased:
    """A delivery that was tried so often."""
    return Leased(1, 3, "k1", Trigger.UPDATE, attempt, tries, Kind.AUTO, 99, b"{}")


def settle(
    response: Response, *, tries: int = 1, request: Request | None = REQUEST, connector: Connector = CONNECTOR
) -> Settlement:
    """What is written on a schedule of two delays."""
    return settlement(
        leased(tries=tries),
        connector,
        request=request,
        response=response,
        started_at=NOW,
        schedule=(10.0, 20.0),
        jitter=0.5,
    )


@pytest.mark.parametrize(
    ("response", "tries", "settled", "delay", "counted", "disables"),
    [
        (Response(Outcome.OK, 1.0, status=204), 1, Settled.DELIVERED, 0.0, True, False),
        (Response(Outcome.HTTP_ERROR, 1.0, status=500), 1, None, 10.0, True, False),
        (Response(Outcome.TIMEOUT, 1.0), 2, None, 20.0, True, False),
        (Response(Outcome.CONNECT, 1.0), 3, Settled.DEAD, 0.0, True, False),
        (Response(Outcome.REPORT, 0.0, error="no body"), 1, Settled.DEAD, 0.0, True, False),
        (Response(Outcome.INTERRUPTED, 0.0), 3, None, 0.0, False, False),
        (Response(Outcome.HTTP_ERROR, 1.0, status=410), 3, None, 0.0, False, True),
        (SPENT, 4, Settled.DEAD, 0.0, True, False),
    ],
    ids=["ok", "first error", "second error", "tries spent", "report", "interrupted", "gone", "leases spent"],
)
def test_an_outcome_settles_or_waits(
    response: Response, tries: int, settled: Settled | None, delay: float, *, counted: bool, disables: bool
) -> None:
    """Each outcome on a schedule of two delays, in the middle of its jitter."""
    got = settle(response, tries=tries)

    assert (got.attempt.settled, got.attempt.delay_seconds, got.attempt.counted) == (settled, delay, counted)
    assert got.disables is disables


@pytest.mark.parametrize(
    ("response", "settled", "delay", "counted"),
    [
        (Response(Outcome.OK, 1.0, status=204), Settled.DELIVERED, 0.0, True),
        (Response(Outcome.HTTP_ERROR, 1.0, status=503), None, 0.0, False),
        (Response(Outcome.TIMEOUT, 1.0), None, 0.0, False),
        (Response(Outcome.HTTP_ERROR, 1.0, status=422), Settled.DEAD, 0.0, True),
        (Response(Outcome.REPORT, 0.0, error="no body"), Settled.DEAD, 0.0, True),
        (SPENT, Settled.DEAD, 0.0, True),
    ],
    ids=["answered", "failed", "timed out", "refused", "report", "leases spent"],
)
def test_a_probe_that_fails_spends_no_try_even_the_last(
    response: Response, settled: Settled | None, delay: float, *, counted: bool
) -> None:
    """All else that comes of a probe is what it would be without a hold."""
    held = replace(CONNECTOR, held_reason="its receiver fails", probed=True)
    got = settle(response, tries=3, connector=held).attempt

    assert (got.settled, got.delay_seconds, got.counted, got.probe) == (settled, delay, counted, True)


@given(outcome=st.sampled_from(SENT_OUTCOMES), tries=st.integers(1, 60), status=st.integers(100, 599))
def test_only_ok_delivers_and_nothing_is_due_in_the_past(outcome: Outcome, tries: int, status: int) -> None:
    """Whatever came back: `delivered` is for 2xx alone, and a delay is never below zero nor beside an end."""
    got = settle(Response(outcome, 1.0, status=status), tries=tries).attempt

    assert (got.settled is Settled.DELIVERED) == (outcome is Outcome.OK)
    assert got.delay_seconds >= 0.0
    assert got.settled is None or got.delay_seconds == 0.0


def test_an_attempt_keeps_what_was_sent_without_secrets() -> None:
    """URL, headers and the version used, the Authorization redacted; nothing where nothing was sent."""
    sent = settle(Response(Outcome.OK, 1.0, status=200)).attempt
    unsent = settle(Response(Outcome.REPORT, 0.0, error="x"), request=None).attempt

    assert (sent.url, sent.connector_version) == ("https://crm.example/hook", 7)
    assert sent.request_headers == {"webhook-id": "dlv_1_3", "Authorization": "[redacted]"}
    assert (unsent.url, unsent.request_headers) == (None, {})


def test_the_databases_clock_runs_on_between_two_looks() -> None:
    """It is carried by the monotonic clock, and refuses to guess before the database has said the time."""
    clock = DatabaseClock()
    with pytest.raises(RuntimeError, match="before its first use"):
        clock.now()

    clock.set(NOW)
    time.sleep(0.02)

    assert timedelta(seconds=0.02) <= clock.now() - NOW < timedelta(seconds=1)


@pytest.mark.parametrize("module", ENGINE)
def test_the_database_has_the_only_clock(module: str) -> None:
    """No module between capture and settle reads the machine's time of day: a skewed worker changes nothing.

    But for the heartbeat, which only says how far this host's clock is off.
    """
    source = (Path(__file__).parents[2] / "outbox" / f"{module}.py").read_text(encoding="utf-8")
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}

    told = {"time.time"} if module == "worker" else set[str]()

    assert not {
        name
        for name in called - told
        if name in ("time.time", "time.time_ns", "time.localtime", "time.gmtime")
        or (name.endswith((".now", ".utcnow", ".today")) and name not in ("self._clock.now", "self._now"))
    }
