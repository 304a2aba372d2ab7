"""Why an event was not sent to a connector, in words for people: from the facts alone (pure)."""

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from outbox.model import ALL_BUSINESS_UNITS, Reason, State
from outbox.moment import write_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is on record about one event and one connector; `then_` is the connector as it was when that was decided."""

    event_id: int
    connector: str
    connector_state: str
    state_reason: str | None
    created_at: datetime
    removed_at: datetime | None
    next_probe_at: datetime | None
    units: Collection[str]
    triggers: Collection[str]
    then_units: Collection[str] | None
    then_triggers: Collection[str] | None
    occurred_at: datetime | None
    trigger: str | None
    business_unit: str | None
    routed_at: datetime | None
    noted: bool
    test: bool
    pruned_at: datetime | None
    reason: Reason | None
    decided_at: datetime | None
    decided_version: int | None
    decided_words: str | None
    into_event_id: int | None
    state: State | None
    attempts: int | None
    due_at: datetime | None
    finished_at: datetime | None
    last_error: str | None
    blocked_by: int | None
    worker: str | None
    bodiless: bool
    not_built: bool


@dataclass(frozen=True, slots=True)
class Why:
    """One step of the answer: a word for machines, words for people, and the event that the next step is about."""

    verdict: str
    words: str
    next_event: int | None = None


def why(facts: Facts) -> Why:
    """The reason, as far as this event tells it."""
    if facts.state is not None:
        return _of_delivery(facts, facts.state)
    if facts.occurred_at is None:
        return _unknown(facts)
    if facts.reason is None or facts.reason is Reason.NO_CONNECTOR:
        return _undecided(facts)
    return _decided(facts, facts.reason)


def _unknown(facts: Facts) -> Why:
    if facts.test:
        return Why(
            "test", "this is the report of a test (`outbox connectors test`): it was sent to the tried one alone"
        )
    if facts.pruned_at is not None:
        at = write_moment(facts.pruned_at)
        return Why("pruned", f"nothing of this id is kept: its range was older than the retention, and pruned at {at}")
    return Why("no_event", "no event of this id is on record: it was never captured, or its change was rolled back")


def _undecided(facts: Facts) -> Why:
    """Nothing was decided for this connector: not yet, or since it did not report for the event's unit."""
    if facts.routed_at is None:
        where = "it waits in the inbox" if facts.noted else "and it is not in the inbox"
        return Why("not_routed", f"not decided yet who gets it: {where}; `outbox doctor` says whether a daemon runs")
    at = write_moment(facts.routed_at)
    if facts.created_at > facts.routed_at:
        return Why(
            "created_later",
            f"the connector was created at {write_moment(facts.created_at)}, after this was decided at {at};"
            " `outbox connectors backfill` gives it what it missed",
        )
    if facts.removed_at is not None and facts.removed_at <= facts.routed_at:
        removed = write_moment(facts.removed_at)
        return Why("removed_before", f"the connector was removed at {removed}, before this was decided at {at}")
    then = facts.units if facts.then_units is None else facts.then_units
    if _covers(then, facts.business_unit):
        return Why("no_decision", f"decided at {at}, but no decision for this connector is on record")
    since = "; it has since been given that one, and `outbox connectors backfill` gives it what it missed"
    return Why(
        "other_business_unit",
        f"the event belongs to business unit {facts.business_unit}, and when it was decided, at {at}, the connector"
        f" reported for {', '.join(sorted(then)) or 'others'}"
        + (since if _covers(facts.units, facts.business_unit) else ""),
    )


def _covers(units: Collection[str], unit: str | None) -> bool:
    return unit is not None and (unit in units or ALL_BUSINESS_UNITS in units)


def _decided(facts: Facts, reason: Reason) -> Why:
    """Decided against, for this connector or for the event itself."""
    at = "" if facts.decided_at is None else f" (decided at {write_moment(facts.decided_at)})"
    match reason:
        case Reason.TRIGGER_NOT_CHOSEN:
            words = _trigger_words(facts)
        case Reason.DISCARDED:
            words = "the connector was disabled then, and what came for it was to be discarded"
        case Reason.DELIVER | Reason.BACKFILL:
            words = "it was to be sent, but it is neither waiting nor settled; please report this"
        case Reason.COALESCED:
            words = f"it is part of event {facts.into_event_id} of the same transaction, which is reported in its place"
            return Why(reason.value, words + at, facts.into_event_id)
        case _:
            words = facts.decided_words or reason.value
    return Why(reason.value, words + at)


def _trigger_words(facts: Facts) -> str:
    then = facts.triggers if facts.then_triggers is None else facts.then_triggers
    version = f"version {facts.decided_version} of the connector"
    words = f"{version} had not chosen the trigger {facts.trigger} (it had {', '.join(sorted(then))})"
    return words + ("; it has it now" if facts.trigger in facts.triggers else "")


def _of_delivery(facts: Facts, state: State) -> Why:
    """There is a delivery: what holds it up, or what it came to."""
    return _WORDS[state](facts)


def _delivered(facts: Facts) -> Why:
    at = f"at {write_moment(facts.finished_at)}, " if facts.finished_at else ""
    return Why("delivered", f"it was sent: confirmed {at}after {_counted(facts.attempts)}")


def _leased(facts: Facts) -> Why:
    return Why("leased", f"it is being sent at this moment, by worker {facts.worker}")


def _pending(facts: Facts) -> Why:
    due = f"due at {write_moment(facts.due_at)}" if facts.due_at else "due"
    if not facts.attempts:
        return Why("pending", f"not tried yet: {due}; `outbox doctor` says whether a daemon runs")
    return Why("pending", f"{_counted(facts.attempts)} failed, the last one: {facts.last_error}; the next is {due}")


def _held(facts: Facts) -> Why:
    reason = facts.state_reason or "its connector does not send"
    probe = f"; the next probe is due at {write_moment(facts.next_probe_at)}" if facts.next_probe_at else ""
    return Why("held", f"it waits, for its connector is {facts.connector_state}: {reason}{probe}")


def _blocked(facts: Facts) -> Why:
    head = "an earlier event" if facts.blocked_by is None else f"event {facts.blocked_by}"
    words = f"it waits behind {head} of the same contract, for a contract's reports go in order"
    return Why("blocked", words, facts.blocked_by)


def _dead(facts: Facts) -> Why:
    after = f"given up after {_counted(facts.attempts)}, the last one: {facts.last_error}"
    if facts.bodiless and facts.not_built:
        return Why("dead", f"its report could not be built: {facts.last_error}")
    if facts.bodiless:
        return Why("erased", f"{after}; its report was erased since, so it can't be sent again")
    return Why("dead", f"{after}; `outbox replay {facts.event_id} {shlex.quote(facts.connector)}` sends it again")


def _cancelled(facts: Facts) -> Why:
    at = f" at {write_moment(facts.finished_at)}" if facts.finished_at else ""
    words = f"cancelled{at}: {facts.last_error or 'no reason is on record'}"
    if facts.bodiless:
        return Why("erased", f"{words}; its report was erased")
    return Why("cancelled", words)


_WORDS: dict[State, Callable[[Facts], Why]] = {
    State.DELIVERED: _delivered,
    State.LEASED: _leased,
    State.PENDING: _pending,
    State.HELD: _held,
    State.BLOCKED: _blocked,
    State.DEAD: _dead,
    State.CANCELLED: _cancelled,
}


def _counted(attempts: int | None) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts or 0} attempts"
