"""Hop 2: takes notes, reads again what overlapped, decides, builds reports, writes it all in one transaction."""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox import present, routing, store
from outbox.db import first_line, is_transient
from outbox.errors import OutboxError
from outbox.log import get_log
from outbox.model import Company, Connector, DataChoice, Event, Leased, Order
from outbox.report import build_report, company_ids
from outbox.routing import ConnectorIndex, Planned

SET_ASIDE_SECONDS = 60.0
ALIKE = 8
"""So many contracts that fail alike, and none that is routed: the fault is not theirs."""

Look: TypeAlias = Callable[[Connection], ConnectorIndex]
"""Reads the connectors as they stand."""

LeaseFor: TypeAlias = Callable[[Connector], float | None]
"""Seconds of the lease for one more of a connector's deliveries; None where this worker has no room to send it now."""


class ConnectorsChangedError(OutboxError):
    """A connector was changed or removed while a batch was routed by what it was before: route it again."""


class RoutingStuckError(OutboxError):
    """One contract after the other can't be routed, for the same reason: to go on would only fail for each."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was routed: how many events were decided, the connectors they go to, and what was leased at birth."""

    events: int = 0
    queued: frozenset[int] = frozenset()
    leased: tuple[Leased, ...] = ()

    def __add__(self, other: "Batch") -> "Batch":
        return Batch(self.events + other.events, self.queued | other.queued, self.leased + other.leased)


class Router:
    """Routes in batches; a contract that can't be routed is set aside for a while, so that it stops no other."""

    def __init__(self, engine: Engine, *, most: int, max_bytes: int, worker: str) -> None:
        self._engine = engine
        self._most = most
        self._max_bytes = max_bytes
        self._worker = worker
        self._set_aside: dict[str, float] = {}

    def route(self, look: Look, *, lease_for: LeaseFor | None = None) -> Batch:
        """Routes the contracts of the oldest notes, whole.

        `look` reads the connectors in the batch's own transaction, after its notes: see `route_contracts`. Raises
        ConnectorsChangedError, RoutingStuckError, and DBAPIError for what concerns the database and not a contract;
        nothing is changed then.
        """
        contract_ids: list[str] = []
        try:
            with self._engine.begin() as connection:
                contract_ids = store.candidates(connection, most=self._most, set_aside=self._waiting())
                return self._route(connection, look, contract_ids, lease_for)
        except Exception as error:
            if not contract_ids or _concerns_all(error):
                raise
            return self._route_apart(look, contract_ids, error)

    def _route(
        self, connection: Connection, look: Look, contract_ids: Sequence[str], lease_for: LeaseFor | None = None
    ) -> Batch:
        return route_contracts(
            connection, look, contract_ids, max_bytes=self._max_bytes, worker=self._worker, lease_for=lease_for
        )

    def _route_apart(self, look: Look, contract_ids: Sequence[str], error: Exception) -> Batch:
        """Halves a batch that failed until each contract is alone that it failed for, and sets those aside.

        Raises RoutingStuckError when the first ones all fail alike: that is the mapping's fault and no contract's.
        """
        routed = Batch()
        failed: list[tuple[str, Exception]] = []
        parts = [(contract_ids, error)]
        while parts and (routed.events or len(failed) < ALIKE or len({_kind(one) for _, one in failed}) > 1):
            tried, fault = parts.pop()
            if len(tried) == 1:
                failed.append((tried[0], fault))
                continue
            middle = len(tried) // 2
            for half in (tried[:middle], tried[middle:]):
                try:
                    with self._engine.begin() as connection:
                        part = self._route(connection, look, half)
                    routed += part
                except Exception as narrower:
                    if _concerns_all(narrower):
                        raise
                    parts.append((half, narrower))
        self._set_aside |= dict.fromkeys((one for one, _ in failed), time.monotonic() + SET_ASIDE_SECONDS)
        if parts:
            raise RoutingStuckError(first_line(failed[0][1]))
        for contract_id, fault in failed:
            get_log().error(
                "contract_not_routed", contract_id=contract_id, retry_seconds=SET_ASIDE_SECONDS, exc_info=fault
            )
        return routed

    def _waiting(self) -> list[str]:
        now = time.monotonic()
        self._set_aside = {contract_id: until for contract_id, until in self._set_aside.items() if until > now}
        return list(self._set_aside)


def _kind(error: Exception) -> tuple[type, object]:
    """What two errors have in common that are of one cause, whatever values they name."""
    return type(error), getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def _concerns_all(error: Exception) -> bool:
    return isinstance(error, ConnectorsChangedError) or (isinstance(error, DBAPIError) and is_transient(error))


def route_contracts(
    connection: Connection,
    look: Look,
    contract_ids: Sequence[str],
    *,
    max_bytes: int,
    worker: str,
    lease_for: LeaseFor | None = None,
) -> Batch:
    """Routes all notes of those of the contracts that nobody else is at.

    Runs in the caller's transaction: notes are deleted in the same commit that writes what became of them. The
    connectors are read after the notes: so each stands that was there when an event was committed.
    """
    locked = store.try_lane_locks(connection, contract_ids) if contract_ids else []
    events = store.take_notes(connection, locked) if locked else []
    if not events:
        return Batch()
    routed = routing.route(reread(connection, events), look(connection))
    made = store.Made(0)
    if routed.deliveries:
        _hold(connection, routed.deliveries)
        made = write_deliveries(connection, routed.deliveries, max_bytes=max_bytes, worker=worker, lease_for=lease_for)
    store.insert_decisions(connection, routed.decisions)
    leased = {(one.connector_id, one.event_id) for one in made.leased}
    queued = (one.connector.id for one in routed.deliveries if (one.connector.id, one.event.id) not in leased)
    return Batch(len(events), frozenset(queued), made.leased)


def _hold(connection: Connection, planned: Iterable[Planned]) -> None:
    """Keeps the connectors of these deliveries from being changed, or finds that they were."""
    versions = {one.connector.id: one.connector.version for one in planned}
    if store.hold_connectors(connection, versions) != versions:
        raise ConnectorsChangedError("a connector was changed while its deliveries were made")


def reread(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """Gives events that overlapped the contract as it is now: neither of their own documents has both changes."""
    overlapping = {event.contract_id for event in events if event.overlaps}
    if not overlapping:
        return list(events)
    standing = present.read_contracts(connection, overlapping)
    return [_as_now(event, standing) if event.overlaps else event for event in events]


def _as_now(event: Event, standing: dict[str, present.ContractNow]) -> Event:
    now = standing.get(event.contract_id)
    if now is None:
        return replace(event, overlaps=False)
    return replace(
        event,
        business_unit=now.business_unit,
        status=now.status,
        document=now.document,
        unreadable=now.unreadable or event.unreadable,
    )


def write_deliveries(
    connection: Connection,
    planned: Sequence[Planned],
    *,
    max_bytes: int,
    worker: str,
    kind: str = "auto",
    first_in_lane: bool = False,
    lease_for: LeaseFor | None = None,
) -> store.Made:
    """Builds the reports and writes the deliveries, in their order.

    `first_in_lane`: recorded events that come before whatever waits in their lanes, by event id.
    """
    companies = _companies(connection, planned)
    leases = _leases(planned, lease_for)
    new = [
        store.NewDelivery(
            event=one.event,
            connector=one.connector,
            report=build_report(one.event, one.connector, companies=companies, max_bytes=max_bytes),
            kind=kind,
            position=one.event.id - store.BEFORE_ALL if first_in_lane else None,
            lease_seconds=lease,
        )
        for one, lease in zip(planned, leases, strict=True)
    ]
    return store.insert_deliveries(connection, new, worker=worker, token=secrets.randbits(63))


def _leases(planned: Iterable[Planned], lease_for: LeaseFor | None) -> list[float | None]:
    """A lease for what may be ready and has room; of an ordered lane only the first can be."""
    begun: set[tuple[int, str]] = set()
    leases: list[float | None] = []
    for one in planned:
        lane = one.connector.id, one.event.contract_id
        first = one.connector.order is Order.NONE or lane not in begun
        begun.add(lane)
        leases.append(lease_for(one.connector) if lease_for is not None and first else None)
    return leases


def _companies(connection: Connection, planned: Iterable[Planned]) -> tuple[Company, ...]:
    """The companies that these reports tell of; none are read where only the status is sent."""
    telling = (one.event for one in planned if one.connector.data is DataChoice.EVERYTHING)
    ids = {company_id for event in telling for company_id in company_ids(event)}
    return present.read_companies(connection, ids) if ids else ()
