"""Routing, decided: what becomes of each event of a batch, and which deliveries come of it, in lane order.

A batch holds all visible notes of each of its contracts, so that no transaction on a contract is split.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from outbox import canonical
from outbox.model import ALL_BUSINESS_UNITS, Connector, Event, Json, Reason, Trigger


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for an event: for one connector, or without one for the event itself.

    `into_event_id` names the event that stands for a coalesced one. `reread` says that the document was read
    again because transactions on the contract overlapped.
    """

    event_id: int
    reason: Reason
    connector_id: int | None = None
    connector_version: int | None = None
    into_event_id: int | None = None
    reread: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be made: `event` is as it is reported, `changed` united over what was coalesced into it."""

    event: Event
    connector: Connector


@dataclass(frozen=True, slots=True)
class Routed:
    """A routed batch: decisions by event and connector id; deliveries in an order that every lane keeps."""

    decisions: tuple[Decision, ...]
    deliveries: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Coalesced:
    """Events of one transaction and contract made one: those that stand, and why each other one doesn't."""

    standing: tuple[Event, ...]
    explained: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions a statement saw: all below `xmax` that were not `running` (pg_snapshot)."""

    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PostgreSQL's `xmin:xmax:xip,...`."""
        _, xmax, running = text.split(":")
        return cls(int(xmax), frozenset(map(int, running.split(","))) if running else frozenset())

    def saw(self, xid: int) -> bool:
        """Say whether what the transaction wrote was visible (pg_visible_in_snapshot)."""
        return xid < self.xmax and xid not in self.running


def visible(xid: int, snapshot: str) -> bool:
    """Say whether a snapshot, as PostgreSQL writes it, saw what a transaction wrote."""
    return Snapshot.parse(snapshot).saw(xid)


@dataclass(frozen=True)
class ConnectorIndex:
    """All connectors, to be found by id and by business unit at the cost of what is found."""

    connectors: tuple[Connector, ...]

    @cached_property
    def by_id(self) -> Mapping[int, Connector]:
        """Every connector by its id."""
        return {connector.id: connector for connector in self.connectors}

    def sharing(self, business_unit: str) -> tuple[Connector, ...]:
        """Give the connectors that share a business unit, those for all units among them, by id."""
        return self._by_unit.get(business_unit, self._everywhere)

    @cached_property
    def _everywhere(self) -> tuple[Connector, ...]:
        return _by_id(one for one in self.connectors if ALL_BUSINESS_UNITS in one.business_units)

    @cached_property
    def _by_unit(self) -> Mapping[str, tuple[Connector, ...]]:
        own: dict[str, list[Connector]] = defaultdict(list)
        for connector in self.connectors:
            for unit in connector.business_units:
                own[unit].append(connector)
        return {unit: _by_id((*found, *self._everywhere)) for unit, found in own.items()}


def _by_id(connectors: Iterable[Connector]) -> tuple[Connector, ...]:
    """Sort connectors by id, each once."""
    return tuple(one for _, one in sorted({one.id: one for one in connectors}.items()))


def route(batch: Sequence[Event], connectors: ConnectorIndex) -> Routed:
    """Decide a batch: every event is delivered or explained, for each connector of its business unit.

    An event without a business unit goes to no connector, not even to one for all units.
    """
    coalesced = coalesce(batch)
    decisions = list(coalesced.explained)
    deliveries: list[Planned] = []
    for event in in_order(coalesced.standing):
        gone = event.document is None
        sharing = () if gone or event.business_unit is None else connectors.sharing(event.business_unit)
        if not sharing:
            decisions.append(Decision(event.id, _why_nobody(event), reread=event.overlaps))
        for connector in sharing:
            reason = _reason(event, connector)
            decisions.append(Decision(event.id, reason, connector.id, connector.version, reread=event.overlaps))
            if reason is Reason.DELIVER:
                deliveries.append(Planned(event, connector))
    decisions.sort(key=lambda decision: (decision.event_id, decision.connector_id or 0))
    return Routed(tuple(decisions), tuple(deliveries))


def _why_nobody(event: Event) -> Reason:
    if event.document is None:
        return Reason.CONTRACT_GONE
    return Reason.NO_BUSINESS_UNIT if event.business_unit is None else Reason.NO_CONNECTOR


def _reason(event: Event, connector: Connector) -> Reason:
    """Say whether a connector of the event's unit gets it; one that is held or disabled does, and waits."""
    if event.trigger not in connector.triggers:
        return Reason.TRIGGER_NOT_CHOSEN
    if connector.discard and not connector.enabled:
        return Reason.DISCARDED
    return Reason.DELIVER


def coalesce(events: Iterable[Event]) -> Coalesced:
    """Make one of the notes that one transaction left on a contract, for each trigger and detail.

    The first note stands, with `changed` united and the transaction's last word on the contract. An update in the
    transaction that creates the contract is part of its create. An update that changed values and changed them
    back is no update: UNCHANGED.
    """
    together: dict[tuple[str, int], list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.id):
        together[event.contract_id, event.xid].append(event)
    standing: list[Event] = []
    explained: list[Decision] = []
    for notes in together.values():
        for alike in _alike(notes):
            first = alike[0]
            explained += [
                Decision(note.id, Reason.COALESCED, into_event_id=first.id, reread=note.overlaps) for note in alike[1:]
            ]
            updates = [note for note in alike if note.trigger is first.trigger]
            changed = unite([note.changed for note in updates])
            if first.trigger is Trigger.UPDATE and changed == {} and any(note.changed for note in updates):
                explained.append(Decision(first.id, Reason.UNCHANGED, reread=first.overlaps))
                continue
            standing.append(_speaking_for(alike, changed))
    return Coalesced(tuple(standing), tuple(explained))


def _alike(notes: Sequence[Event]) -> Collection[list[Event]]:
    """Group one transaction's notes on one contract by what is one report, the one that stands first."""
    create = next((note for note in notes if note.trigger is Trigger.CREATE), None)
    groups: dict[tuple[Trigger, bytes], list[Event]] = defaultdict(list)
    # Creates come first, so that an update noted before its contract's create still joins it.
    for note in sorted(notes, key=lambda note: note.trigger is not Trigger.CREATE):
        stands = create if create is not None and note.trigger is Trigger.UPDATE else note
        groups[stands.trigger, canonical.dumps(stands.detail)].append(note)
    return groups.values()


def unite(changes: Sequence[Mapping[str, Json] | None]) -> dict[str, Json] | None:
    """Unite the changes of one transaction: first old, last new; pairs equal to the digit are dropped.

    A column whose values were not kept once stays so. None where a note of unknown changes leaves nothing known.
    """
    united: dict[str, Json] = {}
    for changed in changes:
        for column, pair in (changed or {}).items():
            before = united.get(column, pair)
            united[column] = None if before is None or pair is None else [before[0], pair[1]]
    for column, pair in list(united.items()):
        if pair is not None and canonical.dumps(pair[0]) == canonical.dumps(pair[1]):
            del united[column]
    return None if not united and None in changes else united


def _speaking_for(alike: Sequence[Event], changed: Mapping[str, Json] | None) -> Event:
    """Give the first note the last one's view of the contract.

    They differ only where the application had constraints checked within the transaction, or where another
    transaction committed between two of the reads.
    """
    first, last = alike[0], max(alike, key=lambda note: note.id)
    return replace(
        first,
        changed=changed,
        business_unit=last.business_unit,
        status=last.status,
        document=last.document,
        overlaps=any(note.overlaps for note in alike),
        unreadable=next((note.unreadable for note in alike if note.unreadable is not None), None),
    )


def in_order(events: Iterable[Event]) -> list[Event]:
    """Put events in an order that every contract can be told in.

    A contract's events keep to the order in which its transactions saw each other, within a transaction and
    where nothing else decides to their ids. Contracts keep the places that ids give them.
    """
    lanes: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.id):
        lanes[event.contract_id].append(event)
    placed = [(place.id, event) for lane in lanes.values() for place, event in zip(lane, _as_seen(lane), strict=True)]
    return [event for _, event in sorted(placed, key=lambda pair: pair[0])]


def _as_seen(lane: Sequence[Event]) -> Sequence[Event]:
    """Sort one contract's events, given by id, by how many of its transactions theirs had seen.

    Whoever saw a transaction saw also all that this had seen, hence more. So none comes before one that it saw,
    and a contract with thousands of events costs no comparing of pairs.
    """
    xids = {event.xid for event in lane}
    if len(xids) == 1:
        return lane
    ascending = sorted(xids)
    seen: dict[int, int] = dict.fromkeys(xids, 0)
    for event in lane:
        snapshot = Snapshot.parse(event.snapshot)
        ended = bisect_left(ascending, snapshot.xmax) - len(snapshot.running & xids)
        seen[event.xid] = max(seen[event.xid], ended - snapshot.saw(event.xid))
    return sorted(lane, key=lambda event: (seen[event.xid], event.id))
