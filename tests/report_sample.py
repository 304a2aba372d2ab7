"""A sample event with its report, as the tests of reports tell it."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from outbox import canonical
from outbox.model import Company, Connector, ContentType, Event, Report, Trigger
from outbox.report import build_report

DOCUMENT = canonical.loads(
    """{"contract_id": "c-1", "business_unit": "bu-1", "status": "sent", "company": 17,
        "number": "2025-001", "amount": 1234567890123456789.1234567890, "count": 9007199254740993, "title": null,
        "recipient": {"email": "ada@example.com", "name": "Ada"}, "items": [{"price": 12.50}, {"price": 0.10}]}"""
)
COMPANY = Company(id="17", name="Größe GmbH", business_unit="bu-1", fields={"vat": "DE1", "size": Decimal("1.0")})

EVENT = Event(
    id=12,
    occurred_at=datetime(2025, 11, 24, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1))),
    xid=700,
    snapshot="701:701:",
    trigger=Trigger.UPDATE,
    contract_id="c-1",
    business_unit="bu-1",
    status="sent",
    changed={"amount": [Decimal("1.50"), Decimal("2.00")], "notes": None},
    detail={"by": "Ada"},
    document=DOCUMENT,
)
ENVELOPE_JSON = (
    '"id":12,"trigger":"update","occurred_at":"2025-11-24T00:02:03.000004Z",'
    '"business_unit":"bu-1","contract_id":"c-1","status":"sent"'
)
CONNECTOR = Connector(
    id=1,
    version=1,
    name="crm",
    business_units=("bu-1",),
    triggers=frozenset(Trigger),
    url="https://example.com/webhook",
)
FORM = replace(CONNECTOR, content_type=ContentType.FORM)


def build(event: Event = EVENT, connector: Connector = CONNECTOR, *, companies: tuple[Company, ...] = ()) -> Report:
    """Build a report without a limit that matters."""
    return build_report(event, connector, companies=companies, max_bytes=10**9)


def told(event: Event = EVENT, connector: Connector = CONNECTOR, *, companies: tuple[Company, ...] = ()) -> Any:
    """Build a JSON report and read it as a receiver does."""
    body = build(event, connector, companies=companies).body
    assert body is not None
    return canonical.loads(body)
