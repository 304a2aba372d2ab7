"""Raises `expired`: one worker of all scans, in batches of a transaction each, and says when to look next."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox import deadlines, worker
from outbox import expiry_store as store
from outbox.db import first_line, is_transient
from outbox.deadlines import Window
from outbox.errors import RefusedError
from outbox.expiry_store import Count, Due, Raised, State
from outbox.log import get_log
from outbox.settings import Expiry

LEASE_SECONDS, SWEEP_LEASE_SECONDS = 60.0, 600.0
"""How long after its last batch a scan is left alone; one that looks at all deadlines may take longer over it."""
ALIKE = 8
"""So many contracts in a row that can't be read: the fault is the mapping's, and not theirs."""
PACE_SECONDS = 2.0
"""A batch waits so long, at most, for the one before it to be on its way."""
PACE_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Scanned:
    """What came of a look: how many were raised, None where another worker scans or it isn't due; seconds to the next.

    `due_in` is None where no mapping with [expired] is installed.
    """

    raised: int | None
    due_in: float | None


class Scanner:
    """Scans by the settings, under a worker's name; ends between two batches where `stopping` is set."""

    def __init__(self, engine: Engine, settings: Expiry, *, by: str, stopping: threading.Event | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._by = by
        self._stopping = stopping or threading.Event()

    def scan(self, *, asked: bool = False, sweep: bool = False) -> Scanned:
        """Raises what is due, where nobody else is at it or it was `asked` for; `sweep`: looks at every deadline."""
        with self._engine.begin() as connection:
            store.be_quick(connection)
            progress = store.claim(connection, self._by, lease_seconds=LEASE_SECONDS, asked=asked)
            if progress is None:
                return Scanned(None, _seconds_to_next(store.state(connection)))
        began = time.monotonic()
        looked = deadlines.window(progress, sweep_hours=0 if sweep else self._settings.sweep_hours)
        due = self._narrowed(looked) if looked.sweep else looked
        raised = sum(self.raise_all(due, leased=True)) if due else 0
        seconds = time.monotonic() - began
        with self._engine.begin() as connection:
            store.be_quick(connection)
            if self._stopping.is_set():
                store.renew(connection, self._by, lease_seconds=0)  # another may go on at once
            else:
                self._end(connection, looked, seconds=seconds, raised=raised)
            return Scanned(raised, _seconds_to_next(store.state(connection)))

    def _narrowed(self, looked: Window) -> Window | None:
        """Where in the window there is anything at all, found in one pass, where batches would each look for more."""
        with self._engine.begin() as connection:
            store.be_quick(connection)
            store.renew(connection, self._by, lease_seconds=SWEEP_LEASE_SECONDS)
        with self._engine.begin() as connection:
            first = store.count_due(connection, looked).first
        return None if first is None else replace(looked, after=first - timedelta(microseconds=1))

    def raise_all(self, looked: Window, *, leased: bool = False) -> Iterator[int]:
        """Raises the window's deadlines in batches and yields how many each raised; `leased`: while the scan is ours.

        Where a batch fails it is made smaller, until the one is found whose contract can't be read, and recorded.
        """
        batch = most = self._settings.batch
        failures = 0
        while not self._stopping.is_set():
            try:
                done = self._raise_batch(looked, most, leased=leased)
            except DBAPIError as error:
                if is_transient(error) or failures == ALIKE:
                    raise
                if most == 1:
                    self._record(looked, error)
                    failures += 1
                most = deadlines.fewer(most)
                continue
            if done is None:
                return
            failures = 0
            yield done.raised
            if done.found < most:
                return
            looked = replace(looked, after=max(looked.after, done.floor or looked.after))
            most = deadlines.more(most, batch=batch)
            self._wait_for(done)

    def _raise_batch(self, looked: Window, most: int, *, leased: bool) -> Raised | None:
        """A batch, in a transaction of its own; None where the scan is another's by now."""
        with self._engine.begin() as connection:
            store.be_quick(connection)
            lease_seconds = SWEEP_LEASE_SECONDS if looked.sweep else LEASE_SECONDS
            if leased and not store.renew(connection, self._by, lease_seconds=lease_seconds):
                return None
            return store.raise_due(connection, looked, most=most)

    def _record(self, looked: Window, error: DBAPIError) -> None:
        with self._engine.begin() as connection:
            worker.be_patient(connection)
            words, state = first_line(error), getattr(error.orig, "sqlstate", None) or "XX000"
            contract_id = store.record_failure(connection, looked, sqlstate=state, message=words)
        get_log().error("expired_not_raised", contract_id=contract_id, sqlstate=state)

    def _wait_for(self, batch: Raised) -> None:
        """Lets the reports of a batch go first: a hundred thousand at once would stand before all other work."""
        until = time.monotonic() + PACE_SECONDS
        while batch.raised and time.monotonic() < until and not self._stopping.is_set():
            with self._engine.begin() as connection:
                if not store.under_way(connection, batch):
                    return
            self._stopping.wait(PACE_LOOK_SECONDS)

    def _end(self, connection: Connection, looked: Window, *, seconds: float, raised: int) -> None:
        """Plans the next look: by the first deadline that is known to come before the interval is over."""
        every = self._settings.scan_seconds
        ahead = Window(looked.until, looked.until + timedelta(seconds=every))
        began = time.monotonic()
        nearest = next((one.deadline for one in store.due(connection, ahead, most=1)), None)
        took = time.monotonic() - began
        due_at = deadlines.next_look(standing(connection).progress.at, nearest, took=took, every=every)
        store.end(connection, self._by, looked, due_at=due_at, seconds=seconds, raised=raised)


def _seconds_to_next(found: State | None) -> float | None:
    return None if found is None else (found.due_at - found.progress.at).total_seconds()


def standing(connection: Connection) -> State:
    """The scan as it stands; raises RefusedError where no mapping with [expired] is installed."""
    found = store.state(connection)
    if found is None:
        raise RefusedError(
            "no mapping with [expired] is installed, so nothing can expire; write [expired] in source.toml, then"
            " `outbox install`"
        )
    return found


def overdue(connection: Connection, *, most: int | None = None) -> list[Due]:
    """What a scan of all deadlines would raise now."""
    progress = standing(connection).progress
    return list(store.due(connection, deadlines.window(progress, sweep_hours=0), most=most))


def upcoming(connection: Connection, *, seconds: float, most: int | None = None) -> list[Due]:
    """The deadlines that will pass within so many seconds, as things stand."""
    now = standing(connection).progress.at
    return list(store.due(connection, Window(now, now + timedelta(seconds=seconds)), most=most))


def before_install(connection: Connection, since: datetime) -> tuple[Window, Count]:
    """The deadlines from `since` on that raise nothing by themselves, for they passed before install; how many."""
    progress = standing(connection).progress
    looked = Window(since - timedelta(microseconds=1), progress.since)
    return looked, store.count_due(connection, looked)
