"""The dashboard's verdict in one line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outbox.insight.verdict import Facts, judge

WELL = Facts(
    at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    held=(),
    given_up=(),
    waiting=3,
    waiting_for_held=0,
    overdue=0,
    lag=timedelta(seconds=2),
    lag_limit=timedelta(seconds=60),
    unrouted=0,
    dead=0,
    dead_since=None,
    capture_errors=0,
    workers=2,
)


def test_nothing_wrong_is_well() -> None:
    """What waits its turn is no trouble; nor is what somebody who is limited can't be told."""
    assert judge(WELL).level == "good"
    assert judge(replace(WELL, capture_errors=None, workers=None)).remarks == ()


@pytest.mark.parametrize(
    ("wrong", "level", "words", "url"),
    [
        ({"workers": 0}, "bad", "no worker runs: start `outbox run`", "/system"),
        ({"capture_errors": 1}, "bad", "1 change was not captured", "/system"),
        ({"held": ["a", "b"]}, "warn", "2 connectors are held", "/configurations/connectors"),
        (
            {"held": ["a"], "waiting_for_held": 14},
            "warn",
            "1 connector is held, 14 deliveries wait for that",
            "/configurations/connectors",
        ),
        (
            {"given_up": ["a"]},
            "bad",
            "1 connector was disabled, for the receiver fails",
            "/configurations/connectors",
        ),
        ({"lag": timedelta(minutes=3), "overdue": 14}, "bad", "14 deliveries wait since 3 min", "/deliveries"),
        ({"lag": timedelta(minutes=3), "unrouted": 1}, "bad", "1 event waits for routing since 3 min", "/system"),
        ({"dead": 2}, "bad", "2 deliveries went dead within 24 h", "/deliveries"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_to_it(wrong: dict[str, Any], level: str, words: str, url: str) -> None:
    """Each trouble by itself."""
    verdict = judge(replace(WELL, **wrong))

    assert verdict.level == level
    assert ", ".join(one.words for one in verdict.remarks) == words
    assert verdict.remarks[0].path == url


def test_the_worst_comes_first() -> None:
    """A warning never hides a fault."""
    verdict = judge(replace(WELL, held=["a"], dead=1))

    assert [one.level for one in verdict.remarks] == ["bad", "warn"]
    assert verdict.level == "bad"
