"""Events and connectors, as the tests of routing vary them."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from outbox.model import Connector, Event, Trigger

NOW = datetime(2025, 11, 24, tzinfo=UTC)
DOCUMENT = {"amount": Decimal("1.50")}


def event(id_: int, trigger: Trigger = Trigger.UPDATE, **fields: Any) -> Event:
    """Make an event of contract `c` in transaction 100, which saw all before it."""
    plain = Event(
        id=id_,
        occurred_at=NOW,
        xid=100,
        snapshot="100:100:",
        trigger=trigger,
        contract_id="c",
        business_unit="bu",
        status="sent",
        document=DOCUMENT,
    )
    return replace(plain, **fields)


def connector(id_: int, *units: str, **fields: Any) -> Connector:
    """Make a connector of these units that has chosen every trigger."""
    plain = Connector(
        id=id_,
        version=id_ * 10,
        name=f"connector {id_}",
        business_units=units or ("bu",),
        triggers=frozenset(Trigger),
        url="https://example.com/webhook",
    )
    return replace(plain, **fields)
