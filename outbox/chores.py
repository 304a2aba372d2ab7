"""The periodic jobs beside the relay's own: every worker runs them, and in each slot one of all does the work."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from outbox import alert_hook, upkeep, worker
from outbox.daily import close_days
from outbox.drift import Drift, drift
from outbox.expiry import Scanner
from outbox.figuring import count_figures
from outbox.growth import sample
from outbox.log import get_log
from outbox.mending import mend
from outbox.metrics import Measures
from outbox.settings import Settings

LEAST_PAUSE_SECONDS = 0.02
"""Between two runs of a chore that asks for another: it looks just after its moment, not just before."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What a chore works with: an engine for its transactions, the settings, the worker's name, its measures.

    `again` runs a chore once more after so many seconds, beside its slots; `stopping` is set when the process ends;
    `scanning` is held by the one scan for deadlines of this process; `drifted` is what it logged of drift and stands.
    """

    engine: Engine
    settings: Settings
    worker: str
    again: Callable[["Chore", float], None]
    stopping: threading.Event
    measures: Measures
    scanning: threading.Lock = field(default_factory=threading.Lock)
    drifted: list[Drift] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chore:
    """A periodic job; `run` takes its slot by `worker.tick` and does nothing where another worker has it."""

    name: str
    seconds: float
    run: Callable[[Hands, "Chore"], None]


def _mend_lanes(hands: Hands, chore: Chore) -> None:
    mend(hands.engine, by=hands.worker, seconds=chore.seconds)


def _look_for_drift(hands: Hands, chore: Chore) -> None:
    """Logs what is new or has changed since this process looked last; `outbox doctor` repeats it."""
    with hands.engine.begin() as connection:
        if not worker.tick(connection, chore.name, seconds=chore.seconds):
            return
        found = drift(connection)
    for one in found:
        if one not in hands.drifted:
            write = get_log().error if one.level == "fault" else get_log().warning
            write("capture_drift", words=one.words, mend=one.mend)
    hands.drifted[:] = found


def _sample_growth(hands: Hands, chore: Chore) -> None:
    with hands.engine.begin() as connection:
        if worker.tick(connection, chore.name, seconds=chore.seconds):
            sample(connection)


def _watch(hands: Hands, chore: Chore) -> None:
    alert_hook.watch(hands.engine, hands.settings, hands.measures, job=chore.name, seconds=chore.seconds)


def _close_days(hands: Hands, chore: Chore) -> None:
    close_days(hands.engine, chore=chore.name, seconds=chore.seconds)


def _count_figures(hands: Hands, chore: Chore) -> None:
    count_figures(hands.engine, chore=chore.name, seconds=chore.seconds)


def _keep_up(hands: Hands, chore: Chore) -> None:
    with hands.engine.begin() as connection:
        due = worker.tick(connection, chore.name, seconds=chore.seconds)
    if due:
        upkeep.keep_up(hands.engine, hands.settings.upkeep)


def _raise_expired(hands: Hands, chore: Chore) -> None:
    """Who scans, and when, is told by the scan's own row: a deadline doesn't wait for a slot."""
    if not hands.scanning.acquire(blocking=False):
        return
    seconds: float | None = hands.settings.expiry.scan_seconds
    try:
        scanner = Scanner(hands.engine, hands.settings.expiry, by=hands.worker, stopping=hands.stopping)
        began = time.monotonic()
        scanned = scanner.scan()
        seconds = scanned.due_in
        if scanned.raised is not None:
            hands.measures.expiry_scanned(seconds=time.monotonic() - began, raised=scanned.raised)
        if scanned.raised:
            get_log().info("expired_raised", deadlines=scanned.raised)
    finally:
        hands.scanning.release()
        if seconds is not None:
            hands.again(chore, max(LEAST_PAUSE_SECONDS, seconds))


CHORES = (
    Chore("mend lanes", 60.0, _mend_lanes),
    Chore("drift", 60.0, _look_for_drift),
    Chore("growth", 3600.0, _sample_growth),
    Chore("alerts", 30.0, _watch),
    Chore("close days", 600.0, _close_days),
    Chore("figures", 60.0, _count_figures),
    Chore("upkeep", 60.0, _keep_up),
    Chore("expiry", 60.0, _raise_expired),
)
