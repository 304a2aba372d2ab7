"""Answers why an event was not sent to a connector: step by step, to the event that it became part of or waits for."""

import dataclasses
from collections.abc import Collection, Iterator

from outbox.errors import ConfigurationError
from outbox.model import ALL_BUSINESS_UNITS, Reason, State
from outbox.questions.declaration import WITHIN
from outbox.questions.reading import Answered, Asked, Rows
from outbox.questions.reasons import Facts, why
from outbox.questions.versions import connector_of

COLUMNS = ("event_id", "connector", "verdict", "words", "trigger", "contract_id", "occurred_at")
_KEPT = frozenset(field.name for field in dataclasses.fields(Facts))


def answer(asked: Asked) -> Rows:
    """One row a step; raises ConfigurationError where there is no such event."""
    return Rows(COLUMNS, _steps(asked))


def _steps(asked: Asked) -> Iterator[Answered]:
    event_id: int | None = asked.values["event"]
    seen: set[int] = set()
    while event_id is not None and event_id not in seen:
        seen.add(event_id)
        row = asked.row(event=event_id)
        step = why(_facts(event_id, row, asked.values[WITHIN]))
        if step.verdict == "no_event":
            raise ConfigurationError(f"--event: expected the id of a recorded event, got {event_id}: {step.words}")
        shown = {"event_id": event_id, "verdict": step.verdict, "words": step.words}
        yield {name: shown.get(name, row.get(name)) for name in COLUMNS}
        event_id = step.next_event


def _facts(event_id: int, row: Answered, within: Collection[str] | None) -> Facts:
    then = connector_of(row["connector_id"], row["then_version"], row["then_spec"])
    known = {name: value for name, value in row.items() if name in _KEPT}
    read = {
        "reason": None if row["reason"] is None else Reason(row["reason"]),
        "state": State(row["state"]) if row["state"] in set(State) else None,
        "units": row["business_units"],
        "then_units": None if then is None else _shown(then.business_units, within),
        "then_triggers": None if then is None else {trigger.value for trigger in then.triggers},
    }
    return Facts(event_id=event_id, **{**known, **read})


def _shown(units: Collection[str], within: Collection[str] | None) -> tuple[str, ...]:
    """Those of the units that who asks may see."""
    return tuple(one for one in units if within is None or one in (*within, ALL_BUSINESS_UNITS))
