"""The relay: routes, claims, sends and settles until nothing is due."""

import contextlib
import math
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from outbox import retry, store
from outbox.connectors import connectors_stamp, disable, load_connectors
from outbox.db import has_to_wait, is_transient
from outbox.log import get_log
from outbox.model import Connector, Leased
from outbox.router import ConnectorsChangedError, Router
from outbox.routing import ConnectorIndex
from outbox.secret_box import SecretBox
from outbox.send_pool import SendPool, Sent
from outbox.sender import Transport
from outbox.settings import Settings
from outbox.settlement import SPENT, Settlement, settlement

WATERMARK_MARGIN = timedelta(seconds=2)
WATERMARK_SECONDS = 5.0
SETTLE_MOST = 500
WAIT_SECONDS = 0.25
ROUTE_AGAIN_SECONDS = 1.0
GONE = "the receiver answered 410 Gone"


@dataclass(slots=True)
class Passed:
    """What one run did: events routed, deliveries claimed, attempts settled by outcome."""

    events: int = 0
    claimed: int = 0
    attempts: Counter[str] = field(default_factory=Counter)

    @property
    def something(self) -> bool:
        """Whether there was work."""
        return bool(self.events or self.claimed or self.attempts)


class DatabaseClock:
    """The database's time, carried on between two looks by the machine's monotonic clock."""

    def __init__(self) -> None:
        self._at: tuple[datetime, float] | None = None

    def set(self, now: datetime) -> None:
        """Takes the database's word for the present moment."""
        self._at = (now, time.monotonic())

    def now(self) -> datetime:
        """The database's time; every claim sets it, and so it is known before every send."""
        if self._at is None:
            raise RuntimeError("expected the database's time before its first use, got none")
        return self._at[0] + timedelta(seconds=time.monotonic() - self._at[1])


class Relay:
    """One process's hops 2 to 5; `run_until_idle` and `drain` belong to one thread at a time, `wake` to any."""

    def __init__(
        self,
        settings: Settings,
        *,
        claiming: Engine,
        settling: Engine,
        transport: Transport,
        box: SecretBox,
        worker: str,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._claiming = claiming
        self._settling = settling
        self._box = box
        self._worker = worker
        self._dice = dice
        self._clock = DatabaseClock()
        self._router = Router(
            claiming, most=settings.relay.route_batch, max_bytes=settings.report.max_bytes, worker=worker
        )
        self._route_after = -math.inf
        self._pool = SendPool(transport, threads=settings.relay.threads, now=self._clock.now)
        self._unsettled: list[Sent] = []
        self._connectors = ConnectorIndex(())
        self._stamp: object = None
        self._lows: dict[int, datetime] = {}
        self._lows_since = time.monotonic()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Says that there may be something to route."""
        self._pool.wake()

    def stop(self) -> None:
        """Takes nothing new from now on; `run_until_idle` returns soon, `drain` ends what is under way."""
        self._stopping.set()
        self.wake()

    def run_until_idle(self) -> Passed:
        """Moves everything that is due. When the database goes away it raises DBAPIError and forgets nothing."""
        passed = Passed()
        while not self._stopping.is_set():
            moved = self._route(passed) | self._claim_and_send(passed)
            busy = bool(len(self._pool) or self._unsettled)
            self._unsettled += self._pool.collect(wait_seconds=WAIT_SECONDS if busy and not moved else 0)
            self._settle(passed)
            if not moved and not busy:
                break
        return passed

    def drain(self, *, seconds: float) -> Passed:
        """Hands back what was not sent, waits for what is, and records as interrupted what does not end in time.

        While the database refuses, it tries again until the time is up, and raises DBAPIError then.
        """
        passed = Passed()
        self.stop()
        deadline = time.monotonic() + seconds
        self._unsettled += self._pool.take_back()
        while (len(self._pool) or self._unsettled) and (left := deadline - time.monotonic()) > 0:
            self._unsettled += self._pool.collect(wait_seconds=min(WAIT_SECONDS, left))
            with contextlib.suppress(DBAPIError):
                self._settle(passed)
        self._unsettled += self._pool.abandon()
        self._settle(passed)
        return passed

    def nothing_due(self) -> bool:
        """Whether no note is unrouted and no delivery that may be sent is due."""
        with self._claiming.connect() as connection:
            self._look_at_connectors(connection)
            return store.due_left(connection, self._connectors.connectors) == (0, 0)

    def _look_at_connectors(self, connection: Connection) -> ConnectorIndex:
        """The connectors, read again when any has changed."""
        stamp = connectors_stamp(connection)
        if stamp != self._stamp:
            self._connectors = ConnectorIndex(load_connectors(connection, self._box))
            self._stamp = stamp
            self._lows.clear()
        return self._connectors

    def _route(self, passed: Passed) -> bool:
        """Routes a batch; where that has to wait for a lock on the application's tables, sending goes on."""
        if time.monotonic() < self._route_after:
            return False
        try:
            routed = self._router.route(self._look_at_connectors)
        except ConnectorsChangedError:
            return True
        except DBAPIError as error:
            if not has_to_wait(error):
                raise
            self._route_after = time.monotonic() + ROUTE_AGAIN_SECONDS
            get_log().warning("routing_waits", error=str(error.orig).strip(), retry_seconds=ROUTE_AGAIN_SECONDS)
            return False
        passed.events += routed
        return routed > 0

    def _claim_and_send(self, passed: Passed) -> bool:
        wants, free = self._wants(), self._pool.free
        if not wants or free <= 0 or len(self._unsettled) >= SETTLE_MOST:
            return False
        asked_at = time.monotonic()
        with self._claiming.begin() as connection:
            # A claim that a crash forgets is only sent again; the settles, which can't be forgotten, stay durable.
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            claimed = store.claim(connection, wants, most=free, token=secrets.randbits(63), worker=self._worker)
            now, transaction_start = store.clock(connection)
        self._clock.set(now)
        self._note_drained(wants, claimed, free=free, at=transaction_start)
        passed.claimed += len(claimed)
        for leased in claimed:
            self._start(leased, self._connectors.by_id[leased.connector_id], asked_at=asked_at)
        return bool(claimed)

    def _start(self, leased: Leased, connector: Connector, *, asked_at: float) -> None:
        schedule = retry.schedule_for(connector, self._settings.relay.schedule_seconds)
        if retry.exhausted(leased.tries - 1, schedule):
            self._unsettled.append(Sent(leased, connector, self._clock.now(), None, SPENT))
        else:
            self._pool.start(leased, connector, deadline=asked_at + self._lease_seconds(connector))

    def _wants(self) -> list[store.Want]:
        """What each connector has room for; those with the least under way come first."""
        if time.monotonic() - self._lows_since > WATERMARK_SECONDS:
            self._lows.clear()
            self._lows_since = time.monotonic()
        busy = self._pool.by_connector()
        roomy = [one for one in self._connectors.connectors if one.sends and busy[one.id] < one.max_in_flight]
        roomy.sort(key=lambda one: (busy[one.id], self._dice()))
        return [
            store.Want(one.id, one.max_in_flight - busy[one.id], self._lease_seconds(one), self._lows.get(one.id))
            for one in roomy
        ]

    def _lease_seconds(self, connector: Connector) -> float:
        return connector.timeout_seconds + self._settings.relay.lease_margin_seconds

    def _note_drained(self, wants: Sequence[store.Want], claimed: Sequence[Leased], *, free: int, at: datetime) -> None:
        """Remembers from where the next claim need look, for connectors that had no more to give."""
        if len(claimed) >= free:
            return
        taken = Counter(leased.connector_id for leased in claimed)
        for want in wants:
            if taken[want.connector_id] < want.take:
                self._lows[want.connector_id] = at - WATERMARK_MARGIN

    def _settle(self, passed: Passed) -> None:
        """Writes what came back; when the database refuses, all of it stays for the next time."""
        if unsent := [sent.leased for sent in self._unsettled if sent.response is None]:
            with self._settling.begin() as connection:
                store.release(connection, unsent)
            self._unsettled = [sent for sent in self._unsettled if sent.response is not None]
        most = SETTLE_MOST
        while batch := self._unsettled[:most]:
            try:
                self._settle_batch(batch, passed)
            except DBAPIError as error:
                if is_transient(error):
                    raise
                if len(batch) > 1:
                    most = 1
                    continue
                # It will be `lost` when its lease runs out, and dead when its tries are: it must stop no other.
                get_log().error("attempt_not_recorded", event_id=batch[0].leased.event_id, exc_info=error)
            del self._unsettled[: len(batch)]

    def _settle_batch(self, batch: Sequence[Sent], passed: Passed) -> None:
        settlements = [self._settlement(sent) for sent in batch]
        for connector_id in sorted({one.attempt.leased.connector_id for one in settlements if one.disables}):
            # Before its deliveries are due again, and apart: a transaction never waits for a connector under lanes.
            with self._settling.begin() as connection:
                disabled = disable(connection, connector_id, reason=GONE, by=self._worker)
            if disabled:
                name = next(one.connector.name for one in batch if one.connector.id == connector_id)
                get_log().warning("connector_disabled", connector=name, reason=GONE)
        with self._settling.begin() as connection:
            late = store.settle(connection, [one.attempt for one in settlements], worker=self._worker)
        passed.attempts.update(one.attempt.response.outcome.value for one in settlements)
        _log_settled(batch, settlements, late=late)

    def _settlement(self, sent: Sent) -> Settlement:
        assert sent.response is not None  # noqa: S101 (the unsent were released before)
        return settlement(
            sent.leased,
            sent.connector,
            request=sent.request,
            response=sent.response,
            started_at=sent.started_at,
            schedule=self._settings.relay.schedule_seconds,
            jitter=self._dice(),
        )


def _log_settled(batch: Sequence[Sent], settlements: Sequence[Settlement], *, late: int) -> None:
    log = get_log()
    for sent, one in zip(batch, settlements, strict=True):
        attempt, response = one.attempt, one.attempt.response
        words = {
            "event_id": sent.leased.event_id,
            "connector": sent.connector.name,
            "attempt": sent.leased.attempt,
            "outcome": response.outcome.value,
            "status": response.status,
            "duration_ms": round(response.duration_ms, 1),
            "settled": attempt.settled,
        }
        if response.outcome == "ok":
            log.debug("attempt", **words)
        else:
            again = {} if attempt.settled else {"retry_seconds": round(attempt.delay_seconds, 1)}
            log.warning("attempt", **words, error=response.error, **again)
    if late:
        log.warning("settled_late", attempts=late)
