"""Finding a contract: by what its id begins with, by an event, or among those that changed last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from outbox.access import Within
from outbox.insight.limits import bound, reached
from outbox.resources import query

STEPS = 300
"""So many ids are looked at from the beginning of what was typed on."""
LOOKED, LOOKED_OF_UNIT = 2_000, 20_000
"""So many events are looked at for contracts that changed last; the second for those of one business unit."""
LARGEST_EVENT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Recent:
    """Contracts by their newest event. `before` is where to look further back, None where nothing older is kept."""

    contracts: Sequence[RowMapping]
    before: int | None
    reached_at: datetime | None


def beginning_with(connection: Connection, beginning: str, *, within: Within, most: int) -> list[str]:
    """Contract ids that begin so, in the database's order, the id itself first; of those that may be seen."""
    values = {"start": beginning, "most": STEPS, "within": bound(within)}
    rows = connection.execute(query("contract_ids"), values)
    return [row.contract_id for row in rows if row.seen and row.contract_id.startswith(beginning)][:most]


def of_event(connection: Connection, event_id: int, *, within: Within) -> str | None:
    """The contract of an event."""
    if not 0 < event_id <= LARGEST_EVENT:
        return None
    values = {"event": event_id, "within": bound(within)}
    found: str | None = connection.execute(query("contract_of_event"), values).scalar_one_or_none()
    return found


def recent(
    connection: Connection, *, within: Within, business_unit: str | None = None, before: int | None = None, most: int
) -> Recent:
    """Contracts that changed last, by the events older than `before`; of one business unit, where one is named."""
    most_looked = LOOKED if within is None and business_unit is None else LOOKED_OF_UNIT
    values = {"before": before, "looked": most_looked, "business_unit": business_unit, "within": bound(within)}
    *found, edge = connection.execute(query("contract_recent"), values).mappings()
    shown = found[:most]
    if len(found) > most:
        return Recent(shown, shown[-1]["event_id"], shown[-1]["occurred_at"])
    older = edge["event_id"] if edge["looked"] == most_looked else None
    return Recent(shown, older, reached(edge["occurred_at"], within=within))
