"""Replays or cancels all that a question finds: counts first, then does it a batch at a time."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import Connection, Engine

from outbox import audit
from outbox import cancel as cancelling
from outbox import replay as replaying
from outbox.access import Within
from outbox.audit_views import BY_STATE, SETTLED, Asked, Question
from outbox.cursor import Cursor
from outbox.errors import ConfigurationError
from outbox.insight.deliveries import resolved, start_of
from outbox.insight.delivery_keys import sorting_of
from outbox.insight.delivery_walk import walk
from outbox.replay import BATCH, Key

MOST_COUNTED: Final = 100_000
COUNT_SECONDS: Final = 2.0
"""So long a count may take: what is counted by then is told as "more than"."""

Verdict: TypeAlias = replaying.Verdict | cancelling.Verdict
Judged: TypeAlias = replaying.Judged | cancelling.Judged


class Act(StrEnum):
    """What is done with many deliveries."""

    REPLAY = "replay"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many deliveries of which connector get which verdict; `more`: there are more than were counted."""

    counted: Mapping[tuple[Verdict, str], int] = field(default_factory=dict)
    more: bool = False

    @property
    def able(self) -> int:
        """How many of them can be done as asked."""
        return sum(number for (verdict, _), number in self.counted.items() if not verdict.refused)

    @property
    def total(self) -> int:
        """How many were counted."""
        return sum(self.counted.values())


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did, and where the next one goes on; None: all is done."""

    done: Tally
    onward: Cursor | None


def fixed(connection: Connection, question: Question) -> Question:
    """The question with an end: what comes after it was counted is not done."""
    now = audit.clock(connection)
    return replace(question, until=now if question.until is None else min(question.until, now))


def count(
    connection: Connection,
    question: Question,
    act: Act,
    *,
    within: Within,
    most: int = MOST_COUNTED,
    seconds: float = COUNT_SECONDS,
) -> Tally:
    """What the act would do with all that the question finds, as far as that is counted in time."""
    asked = _asked(connection, question, act, within=within)
    began, counted, cursor = time.monotonic(), Counter[tuple[Verdict, str]](), None
    while True:
        keys, cursor = _batch(connection, asked, act, cursor)
        judged = replaying.judge(connection, keys) if act is Act.REPLAY else cancelling.judge(connection, keys)
        counted += _counted(list(judged))
        if cursor is None or counted.total() >= most or time.monotonic() - began > seconds:
            return Tally(counted, more=cursor is not None)


def step(
    engine: Engine, question: Question, act: Act, *, within: Within, asked_by: str, cursor: Cursor | None = None
) -> Step:
    """Does it with the next deliveries that the question finds: at most as many as one transaction takes."""
    with engine.connect() as connection:
        asked = _asked(connection, question, act, within=within)
        keys, onward = _batch(connection, asked, act, cursor)
    if act is Act.REPLAY:
        return Step(Tally(_counted(list(replaying.replay(engine, keys, asked_by=asked_by)))), onward)
    return Step(Tally(_counted(list(cancelling.cancel(engine, keys, asked_by=asked_by)))), onward)


def run(
    engine: Engine,
    question: Question,
    act: Act,
    *,
    within: Within,
    asked_by: str,
    cursor: Cursor | None = None,
    seconds: float = COUNT_SECONDS,
) -> Step:
    """Step after step, until all is done or the time is over."""
    began, counted = time.monotonic(), Counter[tuple[Verdict, str]]()
    while True:
        one = step(engine, question, act, within=within, asked_by=asked_by, cursor=cursor)
        counted, cursor = counted + Counter(one.done.counted), one.onward
        if cursor is None or time.monotonic() - began > seconds:
            return Step(Tally(counted), cursor)


def _asked(connection: Connection, question: Question, act: Act, *, within: Within) -> Asked:
    if act is Act.CANCEL and (question.state not in BY_STATE or question.state in SETTLED):
        raise ConfigurationError("cancel: expected a state of what waits (pending, blocked or held); choose one")
    return resolved(connection, question, within=within)


def _batch(
    connection: Connection, asked: Asked, act: Act, cursor: Cursor | None
) -> tuple[Sequence[Key], Cursor | None]:
    """The next keys, and where to go on.

    Replays go from the oldest event on, as lanes do. Cancelling goes from the newest: what heads a lane then was
    passed already, or it would be cancelled too, uncounted.
    """
    newer = act is Act.REPLAY
    walked = walk(connection, asked, start_of(asked, cursor), newer=newer, most=BATCH)
    onward = None if walked.stopped is None else Cursor(sorting_of(asked), walked.stopped, newer)
    return [place.key for place in walked.places], onward


def _counted(judged: Sequence[Judged]) -> Counter[tuple[Verdict, str]]:
    return Counter((one.verdict, one.connector) for one in judged)
