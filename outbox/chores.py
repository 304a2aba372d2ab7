"""The periodic jobs beside the relay's own: every worker runs them, and in each slot one of all does the work."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from outbox import upkeep, worker
from outbox.drift import drift
from outbox.log import get_log
from outbox.mending import mend
from outbox.settings import Settings


@dataclass(frozen=True, slots=True)
class Hands:
    """What a chore works with: an engine for its transactions, the settings, the name of the worker that runs it."""

    engine: Engine
    settings: Settings
    worker: str


@dataclass(frozen=True, slots=True)
class Chore:
    """A periodic job; `run` takes its slot by `worker.tick` and does nothing where another worker has it."""

    name: str
    seconds: float
    run: Callable[[Hands, "Chore"], None]


def _mend_lanes(hands: Hands, chore: Chore) -> None:
    mend(hands.engine, by=hands.worker, seconds=chore.seconds)


def _look_for_drift(hands: Hands, chore: Chore) -> None:
    with hands.engine.begin() as connection:
        if worker.tick(connection, chore.name, seconds=chore.seconds):
            for one in drift(connection):
                get_log().error("capture_drift", fault=one.words, mend=one.mend)


def _keep_up(hands: Hands, chore: Chore) -> None:
    with hands.engine.begin() as connection:
        due = worker.tick(connection, chore.name, seconds=chore.seconds)
    if due:
        upkeep.keep_up(hands.engine, hands.settings.upkeep)


CHORES = (
    Chore("mend lanes", 60.0, _mend_lanes),
    Chore("drift", 60.0, _look_for_drift),
    Chore("upkeep", 60.0, _keep_up),
)
