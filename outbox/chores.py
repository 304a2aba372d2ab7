"""The periodic jobs beside the relay's own: every worker runs them, and in each slot one of all does the work."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from outbox import alert_hook, upkeep, worker
from outbox.daily import close_days
from outbox.drift import drift
from outbox.growth import sample
from outbox.log import get_log
from outbox.mending import mend
from outbox.metrics import Measures
from outbox.settings import Settings


@dataclass(frozen=True, slots=True)
class Hands:
    """What a chore works with: an engine for its transactions, the settings, the worker's name, its measures."""

    engine: Engine
    settings: Settings
    worker: str
    measures: Measures = field(default_factory=Measures)


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


def _sample_growth(hands: Hands, chore: Chore) -> None:
    with hands.engine.begin() as connection:
        if worker.tick(connection, chore.name, seconds=chore.seconds):
            sample(connection)


def _watch(hands: Hands, chore: Chore) -> None:
    alert_hook.watch(hands.engine, hands.settings, hands.measures, job=chore.name, seconds=chore.seconds)


def _close_days(hands: Hands, chore: Chore) -> None:
    close_days(hands.engine, chore=chore.name, seconds=chore.seconds)


def _keep_up(hands: Hands, chore: Chore) -> None:
    with hands.engine.begin() as connection:
        due = worker.tick(connection, chore.name, seconds=chore.seconds)
    if due:
        upkeep.keep_up(hands.engine, hands.settings.upkeep)


CHORES = (
    Chore("mend lanes", 60.0, _mend_lanes),
    Chore("drift", 60.0, _look_for_drift),
    Chore("growth", 3600.0, _sample_growth),
    Chore("alerts", 30.0, _watch),
    Chore("close days", 600.0, _close_days),
    Chore("upkeep", 60.0, _keep_up),
)
