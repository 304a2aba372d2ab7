"""The daemon: wires the settings to the relay and its periodic jobs on APScheduler; decides nothing itself."""

import contextlib
import logging
import os
import random
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox import __version__
from outbox.chores import CHORES, Chore, Hands
from outbox.db import database_url, first_line, is_transient, link_settings, make_engine
from outbox.expiry import Scanner
from outbox.log import get_log
from outbox.metrics import Measures
from outbox.migrations import check_schema
from outbox.monitor import Monitor
from outbox.relay import Passed, Relay
from outbox.secret_box import SecretBox
from outbox.sender import make_transport
from outbox.settings import Settings
from outbox.signals import EndSignals
from outbox.wake import Listener

LEAVE_SECONDS = 3.0
CLOCK_SECONDS = 1.0
AGAIN = " again"
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Daemon:
    """One worker process; `place` is its number among those of one `outbox run`."""

    def __init__(self, settings: Settings, *, place: int = 0) -> None:
        self._settings = settings
        settings.alerts.check()
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        patience = settings.relay.lease_margin_seconds
        # What a crash of the server forgets of routing and claiming is done again; settles can't be forgotten.
        self._claiming = make_engine(settings, name="contract-outbox claim", abandoned_seconds=patience, durable=False)
        self._settling = make_engine(settings, pool_size=2, name="contract-outbox settle", abandoned_seconds=patience)
        self._chores = make_engine(settings, pool_size=0, name="contract-outbox chores", abandoned_seconds=patience)
        self._transport = make_transport(settings.sender)
        self._measures = Measures(transport=self._transport.name)
        self._monitor = Monitor(settings, self._measures, place=place)
        self._relay = Relay(
            settings,
            claiming=self._claiming,
            settling=self._settling,
            transport=self._transport,
            box=SecretBox(settings.secret_keys),
            worker=self.name,
            measures=self._measures,
        )
        self._scheduler = BackgroundScheduler(
            timezone=UTC, logger=_silent_logger(), job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        self._listener = Listener(database_url(settings), self._wake, link_settings=link_settings(settings))
        self._stopping = threading.Event()
        self._polling = threading.Lock()
        self._failures = 0
        self._hung_code = 0
        self._hands = Hands(self._chores, settings, self.name, self._again, self._stopping, self._measures)

    def run(self) -> int:
        """Runs until `stop`; returns the exit code."""
        self._monitor.start()
        while not self._stopping.is_set() and not self._begin():
            pass
        if not self._stopping.is_set():
            self._start_jobs()
        clock = _clock_offset()
        while not self._stopping.wait(CLOCK_SECONDS):
            clock = self._follow_clock(clock)
        return self._shut_down()

    def _start_jobs(self) -> None:
        relay = self._settings.relay
        self._every(relay.poll_seconds, self._poll, "poll", jitter=relay.poll_seconds / 10)
        self._every(relay.heartbeat_seconds, self._heartbeat, "heartbeat")
        for chore in CHORES:
            self._every(chore.seconds, partial(chore.run, self._hands, chore), chore.name)
        self._scheduler.add_listener(self._note_failure, EVENT_JOB_ERROR)
        self._scheduler.start()
        if not self._settings.database.pgbouncer:
            self._listener.start()

    def once(self) -> int:
        """Raises what expired, routes and delivers all that is due; 0 when nothing is left due, else 1."""
        self._hung_code = 1
        with self._claiming.connect() as connection:
            check_schema(connection)
        scanned = self._scan_once()
        try:
            unrouted, due = self._pass_once()
            while due and not self._stopping.wait(self._settings.relay.heartbeat_seconds):
                # Limits and rates are shared: what is due waits until this worker, or another, may send it.
                unrouted, due = self._pass_once()
        finally:
            _log_passed(self._relay.drain(seconds=self._settings.relay.drain_seconds, forget=True))
        return 1 if unrouted or due or not scanned else 0

    def _scan_once(self) -> bool:
        """Whether all deadlines that passed were raised; where they can't be, reports go out all the same."""
        try:
            Scanner(self._chores, self._settings.expiry, by=self.name, stopping=self._stopping).scan(asked=True)
        except DBAPIError as error:
            get_log().error("job_failed", job="expiry", error=first_line(error))
            return False
        return True

    def _pass_once(self) -> tuple[int, int]:
        _log_passed(self._relay.run_until_idle())
        return self._relay.left_due()

    def stop(self) -> None:
        """Ends in good order: nothing new is taken, what is under way may finish; what still waits then is left."""
        last_resort = threading.Timer(self._settings.relay.drain_seconds + LEAVE_SECONDS, self._leave)
        last_resort.daemon = True
        last_resort.start()
        self._stopping.set()
        self._relay.stop()

    def _begin(self) -> bool:
        """Whether the database is there, and this worker in it; waits a while otherwise. SchemaError is for people."""
        try:
            with self._claiming.connect() as connection:
                check_schema(connection)
            self._heartbeat()
        except DBAPIError as error:
            if not is_transient(error):
                raise
            self._back_off(error)
            return False
        self._failures = 0
        self._monitor.unready = None
        get_log().info("started", worker=self.name, version=__version__, transport=self._transport.name)
        return True

    def _every(self, seconds: float, job: Callable[[], None], name: str, *, jitter: float | None = None) -> None:
        self._scheduler.add_job(
            job, "interval", seconds=seconds, jitter=jitter, id=name, name=name, max_instances=1, next_run_time=_now()
        )

    def _again(self, chore: Chore, seconds: float) -> None:
        """Runs a chore at a moment of its own; it may still be ending its last run then."""
        run, at = partial(chore.run, self._hands, chore), _now() + timedelta(seconds=seconds)
        if not self._stopping.is_set():
            self._scheduler.add_job(
                run, "date", run_date=at, id=f"{chore.name}{AGAIN}", max_instances=2, replace_existing=True
            )

    def _follow_clock(self, before: float) -> float:
        """APScheduler goes by the system's clock: where that is put back, every job would wait until it is made up."""
        after = _clock_offset()
        if abs(after - before) > CLOCK_SECONDS:
            get_log().warning("clock_stepped", seconds=round(after - before, 1))
            for job in self._scheduler.get_jobs():
                with contextlib.suppress(JobLookupError):  # one that runs once has just run
                    job.modify(next_run_time=_now())
        return after

    def _poll(self) -> None:
        if not self._polling.acquire(blocking=False):
            return
        passed = Passed()
        try:
            self._relay.run_until_idle(passed)
            self._failures = 0
        except DBAPIError as error:
            if passed.attempts:  # the database takes settles: this failure is the first of its kind
                self._failures = 0
            self._back_off(error)
        finally:
            self._polling.release()
            _log_passed(passed)

    def _wake(self) -> None:
        """Runs the poll at once when it is idle; a poll that is running looks again by itself."""
        self._relay.wake()
        if not self._polling.locked() and not self._stopping.is_set():
            with contextlib.suppress(JobLookupError):  # the scheduler has just been shut down
                self._scheduler.modify_job("poll", next_run_time=_now())

    def _back_off(self, error: DBAPIError) -> None:
        """Waits longer each time; nothing is forgotten meanwhile."""
        self._measures.beat()
        self._measures.poll_failed()
        if is_transient(error):
            get_log().warning("database_unavailable", error=first_line(error))
        else:
            get_log().error("statement_failed", exc_info=error)
        seconds = BACK_OFF_SECONDS[min(self._failures, len(BACK_OFF_SECONDS) - 1)]
        self._failures += 1
        self._stopping.wait(seconds * random.uniform(0.5, 1.5))  # noqa: S311 (spreads workers, hides nothing)

    def _note_failure(self, event: JobExecutionEvent) -> None:
        """A periodic job that failed runs again at its next time."""
        job = event.job_id.removesuffix(AGAIN)
        self._measures.chore_failed(job)
        get_log().error("job_failed", job=job, error=first_line(event.exception))

    def _heartbeat(self) -> None:
        try:
            if self._relay.capacity.renew():
                self._wake()
        except DBAPIError as error:
            if not is_transient(error):
                raise
            # The poll says so aloud; until the next renewal nothing new is sent.
            get_log().debug("shares_not_renewed", error=first_line(error))

    def _shut_down(self) -> int:
        deadline = time.monotonic() + self._settings.relay.drain_seconds
        self._monitor.unready = "this worker was told to end"
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._polling.acquire()
        try:
            _log_passed(self._relay.drain(seconds=max(0.0, deadline - time.monotonic())))
        except DBAPIError as error:
            get_log().warning("stopped_without_database", error=first_line(error))
        get_log().info("stopped", worker=self.name)
        self._listener.stop()
        self.close()
        return 0  # and the last resort stays: a job that waits in the database would keep the process

    def _leave(self) -> NoReturn:
        """Ends at once: a database that doesn't answer holds threads that nothing else can end. Leases run out."""
        get_log().error("stopped_while_database_hung", worker=self.name)
        os._exit(self._hung_code)

    def close(self) -> None:
        """Closes its connections; again does nothing."""
        self._transport.close()
        self._monitor.close()
        engines: tuple[Engine, ...] = (self._claiming, self._settling, self._chores)
        for engine in engines:
            engine.dispose()


def _silent_logger() -> logging.Logger:
    """APScheduler's own lines say what ours say, in another form."""
    logger = logging.getLogger("outbox.apscheduler")
    logger.disabled = True
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    return logger


def _clock_offset() -> float:
    """What only a step of the system's clock changes."""
    return time.time() - time.monotonic()


def _now() -> datetime:
    return datetime.now(UTC)


def _log_passed(passed: Passed) -> None:
    if passed.something:
        get_log().info("passed", events=passed.events, claimed=passed.claimed, **passed.attempts)


def run(settings: Settings, *, once: bool = False, place: int = 0) -> int:
    """Runs the daemon until SIGTERM or SIGINT, or once over what is due; returns the exit code."""
    signals = EndSignals()
    daemon = Daemon(settings, place=place)
    signals.call(daemon.stop)
    try:
        return daemon.once() if once else daemon.run()
    finally:
        daemon.close()


def main() -> None:
    """`python scheduler.py` is `outbox run`."""
    from outbox.cli import main as command

    command(["run", *sys.argv[1:]])


if __name__ == "__main__":
    main()
