"""What a person can do so that events like these are sent from now on, or after all: decided from connectors (pure)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from outbox.model import ALL_BUSINESS_UNITS, Reason


@dataclass(frozen=True, slots=True)
class Reach:
    """What a connector reports for now; `owned`: by one who may change it."""

    connector_id: int
    connector: str
    business_units: Collection[str]
    triggers: Collection[str]
    enabled: bool
    discard: bool
    owned: bool

    def covers(self, business_unit: str) -> bool:
        """Whether it reports for the business unit."""
        return business_unit in self.business_units or ALL_BUSINESS_UNITS in self.business_units


class Act(StrEnum):
    """What to do."""

    CREATE = "create"
    ADD_TRIGGER = "add trigger"
    ENABLE = "enable"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Way:
    """One thing to do; with which connector, where there is one already."""

    act: Act
    reach: Reach | None = None


WITHOUT_CONNECTOR = (Reason.NO_CONNECTOR, Reason.TRIGGER_NOT_CHOSEN, Reason.DISCARDED)
"""Reasons that a connector would have changed."""


def ways(reason: str, business_unit: str | None, trigger: str, reaches: Sequence[Reach]) -> tuple[Way, ...]:
    """The ways, what sends them at once first; none where no connector would have changed anything."""
    if reason not in WITHOUT_CONNECTOR or business_unit is None:
        return ()
    covering = [reach for reach in reaches if reach.covers(business_unit)]
    found = [Way(_act(reach, trigger), reach) for reach in covering]
    order = (Act.BACKFILL, Act.ENABLE, Act.ADD_TRIGGER)
    found.sort(key=lambda way: order.index(way.act))
    return tuple(found) if found else (Way(Act.CREATE),)


def _act(reach: Reach, trigger: str) -> Act:
    if trigger not in reach.triggers:
        return Act.ADD_TRIGGER
    return Act.ENABLE if reach.discard else Act.BACKFILL
