"""Why an event was not sent: every reason in words, from the facts alone."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from outbox.model import Reason, State
from outbox.questions.reasons import Facts, why

EARLY, NOON, LATE = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (6, 12, 18))
ROUTED = Facts(
    event_id=7,
    connector="crm",
    connector_state="enabled",
    state_reason=None,
    created_at=EARLY,
    removed_at=None,
    next_probe_at=None,
    units=["bu1"],
    triggers=["create"],
    then_units=None,
    then_triggers=None,
    occurred_at=NOON,
    trigger="update",
    business_unit="bu1",
    routed_at=NOON,
    noted=False,
    test=False,
    pruned_at=None,
    reason=None,
    decided_at=None,
    decided_version=None,
    decided_words=None,
    into_event_id=None,
    state=None,
    attempts=None,
    due_at=None,
    finished_at=None,
    last_error=None,
    blocked_by=None,
    worker=None,
    bodiless=False,
    not_built=False,
)


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({"occurred_at": None, "trigger": None}, "no_event", "never captured"),
        ({"occurred_at": None, "test": True}, "test", "outbox connectors test"),
        ({"occurred_at": None, "pruned_at": LATE}, "pruned", "pruned at 2026-03-01T18"),
        ({"routed_at": None, "noted": True}, "not_routed", "waits in the inbox"),
        ({"routed_at": None}, "not_routed", "not in the inbox"),
        ({"created_at": LATE}, "created_later", "created at 2026-03-01T18:00:00.000000Z, after"),
        ({"removed_at": EARLY, "created_at": EARLY}, "removed_before", "removed at 2026-03-01T06"),
        ({"units": ["bu2"]}, "other_business_unit", "belongs to business unit bu1, and"),
        ({"then_units": ["bu2"]}, "other_business_unit", "has since been given that one"),
        ({"reason": Reason.NO_CONNECTOR, "units": ["bu2"]}, "other_business_unit", "reported for bu2"),
        ({"units": ["*"]}, "no_decision", "no decision for this connector"),
        (
            {"reason": Reason.UNCHANGED, "decided_words": "not sent: nothing changed", "decided_at": NOON},
            "unchanged",
            "not sent: nothing changed (decided at 2026-03-01T12:00:00.000000Z)",
        ),
        ({"reason": Reason.DISCARDED, "decided_at": NOON}, "discarded", "to be discarded (decided at 2026-03-01T12"),
        (
            {"reason": Reason.TRIGGER_NOT_CHOSEN, "decided_version": 3, "then_triggers": ["create", "send"]},
            "trigger_not_chosen",
            "version 3 of the connector had not chosen the trigger update (it had create, send)",
        ),
        (
            {"reason": Reason.TRIGGER_NOT_CHOSEN, "decided_version": 3, "then_triggers": [], "triggers": ["update"]},
            "trigger_not_chosen",
            "it has it now",
        ),
        ({"reason": Reason.DELIVER}, "deliver", "neither waiting nor settled"),
        (
            {"state": State.DELIVERED, "attempts": 1, "finished_at": LATE},
            "delivered",
            "18:00:00.000000Z, after 1 attempt",
        ),
        ({"state": State.LEASED, "worker": "host:1"}, "leased", "by worker host:1"),
        ({"state": State.PENDING, "due_at": LATE}, "pending", "not tried yet: due at 2026-03-01T18"),
        (
            {"state": State.PENDING, "attempts": 2, "last_error": "HTTP 500"},
            "pending",
            "2 attempts failed, the last one: HTTP 500",
        ),
        (
            {"state": State.HELD, "connector_state": "held", "state_reason": "10 failed", "next_probe_at": LATE},
            "held",
            "is held: 10 failed; the next probe is due at 2026-03-01T18",
        ),
        (
            {"state": State.HELD, "connector_state": "disabled", "state_reason": "by hand"},
            "held",
            "is disabled: by hand",
        ),
        (
            {"state": State.DEAD, "attempts": 11, "last_error": "timeout"},
            "dead",
            "given up after 11 attempts, the last one: timeout",
        ),
        (
            {"state": State.DEAD, "event_id": 2, "connector": "Ada's crm"},
            "dead",
            """`outbox replay 2 'Ada'"'"'s crm'` sends it again""",
        ),
        (
            {"state": State.DEAD, "bodiless": True, "not_built": True, "last_error": "too long"},
            "dead",
            "could not be built: too long",
        ),
        ({"state": State.DEAD, "bodiless": True, "attempts": 1}, "erased", "erased since"),
        (
            {"state": State.CANCELLED, "last_error": "removed", "finished_at": NOON},
            "cancelled",
            "cancelled at 2026-03-01T12:00:00.000000Z: removed",
        ),
        ({"state": State.CANCELLED, "bodiless": True}, "erased", "its report was erased"),
    ],
)
def test_every_reason_has_its_words(facts: dict[str, Any], verdict: str, words: str) -> None:
    """A verdict for machines, and a sentence that names what decided."""
    step = why(replace(ROUTED, **facts))

    assert step.verdict == verdict
    assert words in step.words
    assert step.next_event is None


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"reason": Reason.COALESCED, "into_event_id": 5}, "coalesced"),
        ({"state": State.BLOCKED, "blocked_by": 5}, "blocked"),
    ],
)
def test_what_depends_on_another_event_names_it(facts: dict[str, Any], verdict: str) -> None:
    """The answer goes on with the one that stands for it, or that it waits for."""
    step = why(replace(ROUTED, **facts))

    assert (step.verdict, step.next_event) == (verdict, 5)
    assert "event 5" in step.words


def test_a_version_that_is_now_says_nothing_of_since() -> None:
    """`it has it now` is said only where that is so."""
    step = why(replace(ROUTED, reason=Reason.TRIGGER_NOT_CHOSEN, decided_version=1))

    assert "now" not in step.words
