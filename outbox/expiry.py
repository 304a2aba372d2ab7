"""Raises `expired`: one worker of all scans, in batches of a transaction each, and says when to look next."""

import threading
import time
from collections.abc import Iterator, Sequence
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

LEASE_SECONDS, UNSEEN_LEASE_SECONDS = 600.0, 60.0
"""How long a look may take before another comes; the second where no row of a worker tells whether it is alive."""
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
        self._waited = 0.0
        self.failures = 0
        """Contracts that could not be read, and were recorded."""

    def scan(self, *, asked: bool = False, sweep: bool = False) -> Scanned:
        """Raises what is due, where nobody else is at it or it was `asked` for; `sweep`: looks at every deadline."""
        with self._engine.begin() as connection:
            store.be_quick(connection)
            progress = store.claim(connection, self._by, lease_seconds=UNSEEN_LEASE_SECONDS, asked=asked)
            if progress is None:
                return Scanned(None, _seconds_to_next(store.state(connection)))
        try:
            return self._look(deadlines.window(progress, sweep_hours=0 if sweep else self._settings.sweep_hours))
        except Exception:
            self._give_up(pause_seconds=min(UNSEEN_LEASE_SECONDS, self._settings.scan_seconds))
            raise

    def _look(self, looked: Window) -> Scanned:
        began = time.monotonic()
        self._renew()
        due = self._narrowed(looked) if looked.sweep else looked
        batches = list(self.raise_all(due, leased=True)) if due else []
        if self._stopping.is_set():
            self._give_up(pause_seconds=0)
        else:
            self._end(looked, seconds=time.monotonic() - began, batches=batches)
        with self._engine.begin() as connection:
            return Scanned(sum(batches), _seconds_to_next(store.state(connection)))

    def _renew(self) -> bool:
        """Whether the scan is still ours; in a transaction of its own, for the work that follows may take long."""
        with self._engine.begin() as connection:
            store.be_quick(connection)
            return store.renew(connection, self._by, lease_seconds=LEASE_SECONDS, unseen_seconds=UNSEEN_LEASE_SECONDS)

    def _give_up(self, *, pause_seconds: float) -> None:
        try:
            with self._engine.begin() as connection:
                store.be_quick(connection)
                store.release(connection, self._by, pause_seconds=pause_seconds)
        except DBAPIError as error:  # the lease runs out by itself, and what ended the scan is told by its own error
            get_log().warning("expiry_lease_kept", error=first_line(error))

    def _narrowed(self, looked: Window) -> Window | None:
        """Where in the window there is anything at all, found in one pass, where batches would each look for more."""
        with self._engine.begin() as connection:
            first = store.count_due(connection, looked).first
        return None if first is None else replace(looked, after=first - timedelta(microseconds=1))

    def raise_all(self, looked: Window, *, leased: bool = False) -> Iterator[int]:
        """Raises the window's deadlines in batches and yields how many each raised; `leased`: while the scan is ours.

        Where a batch fails it is made smaller, until the one is found whose contract can't be read, and recorded.
        """
        batch = most = self._settings.batch
        failures = 0
        while not self._stopping.is_set() and (not leased or self._renew()):
            try:
                done = self._raise_batch(looked, most)
            except DBAPIError as error:
                if is_transient(error) or failures == ALIKE:
                    raise
                if most == 1:
                    self._record(looked, error)
                    failures += 1
                    self.failures += 1
                most = deadlines.fewer(most)
                continue
            failures = 0
            yield done.raised
            if done.found < most:
                return
            looked = replace(looked, after=max(looked.after, done.floor or looked.after))
            most = deadlines.more(most, batch=batch)
            began = time.monotonic()
            self._wait_for(done)
            self._waited += time.monotonic() - began

    def _raise_batch(self, looked: Window, most: int) -> Raised:
        """A batch, in a transaction of its own."""
        with self._engine.begin() as connection:
            store.be_quick(connection)
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

    def _end(self, looked: Window, *, seconds: float, batches: Sequence[int]) -> None:
        """Plans the next look: by the first deadline that is known to come before the interval is over.

        A look costs a batch's share of the scan: what is repeated without end is a scan of one, that raises nothing.
        """
        every = self._settings.scan_seconds
        began = time.monotonic()
        if not self._renew():
            return
        with self._engine.begin() as connection:
            ahead = Window(looked.until, looked.until + timedelta(seconds=every))
            nearest = next((one.deadline for one in store.due(connection, ahead, most=1)), None)
            aside = time.monotonic() - began
            took = (seconds - self._waited) / max(1, len(batches)) + aside
            due_at = deadlines.next_look(standing(connection).progress.at, nearest, took=took, every=every)
        with self._engine.begin() as connection:
            store.be_quick(connection)
            store.end(connection, self._by, looked, due_at=due_at, seconds=seconds + aside, raised=sum(batches))


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
