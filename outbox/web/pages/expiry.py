"""Expiry: what comes, what was raised, what failed, and whether the scan is well."""

from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Response

from outbox import audit
from outbox.duration import parse_duration
from outbox.insight import contracts, expiring
from outbox.moment import parse_moment, write_moment
from outbox.web.pages.unit_choice import unit_choice
from outbox.web.render import link
from outbox.web.visit import Looking

router = APIRouter()
EventId: TypeAlias = Annotated[int | None, Query(ge=0, lt=2**63 - 1)]
LONGEST_DAYS = 3_650
AHEAD_SHOWN = 100
SPAN = "7d"


@router.get("/expiry")
def page(
    visit: Looking, business_unit: str = "", within: str = SPAN, after: str = "", before: EventId = None
) -> Response:
    """The next deadlines (`within` so long, `after` a moment), and `expired` events older than `before`."""
    units, limit = unit_choice(visit, business_unit), visit.access.within
    settings = visit.site.settings.expiry
    with visit.site.reading() as connection:
        now = audit.clock(connection)
        start = _after(after, now)
        span, fault = _span(within)
        scan = expiring.scan(connection, within=limit, every=settings.scan_seconds)
        ahead = None
        if scan is not None:
            ahead = expiring.ahead(
                connection, within=limit, after=start, until=max(start, now) + span, business_unit=units.chosen
            )
        raised = expiring.raised(connection, within=limit, business_unit=units.chosen, before=before)
        ids = [one["event_id"] for one in raised.events]
        outcomes = contracts.outcomes(connection, ids, within=limit, most=3)
        failures = expiring.failures(connection, within=limit)
    return visit.page(
        "expiry/expiry.html",
        units=units,
        span=within,
        fault=fault,
        scan=scan,
        ahead=ahead,
        shown=AHEAD_SHOWN,
        raised=raised,
        outcomes=outcomes,
        failures=failures,
        every=settings.scan_seconds,
        later=_later(ahead, units.typed, within),
        older=None if raised.before is None else link("/expiry", business_unit=units.typed, before=raised.before),
        newer=before is not None,
    )


def _span(written: str) -> tuple[timedelta, str | None]:
    try:
        seconds = parse_duration(written)
    except ValueError as error:
        return timedelta(days=7), str(error)
    if not 0 < seconds <= LONGEST_DAYS * 86_400:
        return timedelta(days=7), f"expected up to {LONGEST_DAYS}d, got {written!r}"
    return timedelta(seconds=seconds), None


def _after(written: str, now: datetime) -> datetime:
    """Where to go on; it stands in our own links alone, so another text means: from now on."""
    try:
        return parse_moment(written, now=now) if written else now
    except ValueError:
        return now


def _later(ahead: expiring.Ahead | None, unit: str, span: str) -> str | None:
    if ahead is None or ahead.reached is None:
        return None
    return link("/expiry", business_unit=unit, within=span, after=write_moment(ahead.reached))
