"""Gives a connector that came too late the recorded events that it would have got: never one of them twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from outbox import present, store
from outbox.errors import RefusedError
from outbox.model import ALL_BUSINESS_UNITS, Connector, Event, Order, Reason, Trigger
from outbox.resources import query
from outbox.router import reread, write_deliveries
from outbox.routing import ConnectorIndex, Decision, Planned, coalesce

BATCH = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recorded events: of a time span (`until` excluded), a contract, a trigger; None leaves it open."""

    since: datetime | None = None
    until: datetime | None = None
    contract_id: str | None = None
    trigger: Trigger | None = None


def check_backfill(connector: Connector, wanted: Wanted) -> None:
    """Raises RefusedError where there is nothing to be sent, whatever is recorded."""
    if connector.discard:
        raise RefusedError(
            f"connector {connector.name!r} discards what it gets; run `outbox connectors enable` for it first"
        )
    if wanted.trigger is not None and wanted.trigger not in connector.triggers:
        chosen = ", ".join(sorted(connector.triggers))
        raise RefusedError(
            f"expected a trigger that connector {connector.name!r} has chosen ({chosen}), got {wanted.trigger.value!r};"
            " add it with `outbox connectors edit` first"
        )


def count_missing(connection: Connection, connector: Connector, wanted: Wanted, *, most: int | None = None) -> int:
    """How many recorded events the connector would get now and has no delivery for; counts up to `most`."""
    page = query("backfill_page").columns().subquery()
    counted = select(func.count()).select_from(page)
    return int(connection.execute(counted, _filter(connector, wanted, after=0, most=most)).scalar_one())


def backfill(
    engine: Engine, connector: Connector, wanted: Wanted, *, max_bytes: int, worker: str, batch: int = BATCH
) -> Iterator[int]:
    """Makes the deliveries in batches, each a transaction, and yields how many each made.

    Raises RefusedError when the connector was changed meanwhile; what was made until then stays.
    """
    after = 0
    while True:
        with engine.begin() as connection:
            connection.execute(query("backfill_custom_plans"))
            page = connection.execute(query("backfill_page"), _filter(connector, wanted, after=after, most=batch)).all()
            if not page:
                return
            made = _make(connection, connector, page, max_bytes=max_bytes, worker=worker)
        after = page[-1].id
        yield made


def _make(
    connection: Connection, connector: Connector, page: Sequence[Row[Any]], *, max_bytes: int, worker: str
) -> int:
    _hold(connection, connector)
    contract_ids = sorted({row.contract_id for row in page})
    store.lane_locks(connection, contract_ids)
    events = _standing(connection, connector, [row.id for row in page])
    if not events:
        return 0
    lanes: dict[str, object] = {"connector_id": connector.id, "contract_ids": contract_ids}
    if connector.order is Order.CONTRACT:
        first = min(event.id for event in events) - store.BEFORE_ALL
        connection.execute(query("backfill_step_back"), lanes | {"position": first})
    planned = [Planned(event, connector) for event in events]
    made = write_deliveries(
        connection, planned, max_bytes=max_bytes, worker=worker, kind="backfill", first_in_lane=True
    ).new
    if connector.order is Order.CONTRACT:
        connection.execute(query("backfill_heads"), lanes)
    store.insert_decisions(
        connection,
        [
            Decision(event.id, Reason.BACKFILL, connector.id, connector.version, reread=event.overlaps)
            for event in events
        ],
    )
    return made


def _hold(connection: Connection, connector: Connector) -> None:
    held = connection.execute(query("backfill_connector"), {"id": connector.id, "version": connector.version})
    if held.one_or_none() is None:
        raise RefusedError(
            f"connector {connector.name!r} was changed or removed meanwhile, so no more was made;"
            " look at it again and repeat: what was made is not made twice"
        )


def _standing(connection: Connection, connector: Connector, event_ids: list[int]) -> list[Event]:
    """The events as they are reported: united over what was coalesced into them, read again where they overlapped."""
    rows = connection.execute(query("backfill_events"), {"event_ids": event_ids, "connector_id": connector.id})
    events = coalesce(reread(connection, [present.event_of(row) for row in rows])).standing
    index = ConnectorIndex((connector,))
    return [event for event in events if event.business_unit is not None and index.sharing(event.business_unit)]


def _filter(connector: Connector, wanted: Wanted, *, after: int, most: int | None) -> dict[str, object]:
    triggers = connector.triggers if wanted.trigger is None else {wanted.trigger}
    return {
        "after": after,
        "most": most,
        "connector_id": connector.id,
        "all_units": ALL_BUSINESS_UNITS in connector.business_units,
        "business_units": list(connector.business_units),
        "triggers": sorted(trigger.value for trigger in triggers),
        "contract_id": wanted.contract_id,
        "since": wanted.since,
        "until": wanted.until,
    }
