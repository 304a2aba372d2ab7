"""What went to nobody: how many by reason, which events, and what would send them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Query, Response

from outbox import audit
from outbox.access import Permission
from outbox.insight import not_sent
from outbox.insight.not_sent import FOLDED, UNSENT, Group, Wanted
from outbox.insight.ways import Act, Reach, Way, ways
from outbox.model import Reason, Trigger
from outbox.moment import parse_moment, write_moment
from outbox.web.pages.unit_choice import unit_choice
from outbox.web.render import link, quoted
from outbox.web.visit import Looking, Visit

router = APIRouter()
EventId: TypeAlias = Annotated[int | None, Query(ge=0, lt=2**63 - 1)]
WAYS = 3
"""So many connectors are named for a line; a business unit may have hundreds."""
NEW = "/configurations/connectors/new/reporting/webhook"
REASON_WORDS: Mapping[Reason, str] = {
    Reason.NO_CONNECTOR: "No connector reports for the business unit",
    Reason.TRIGGER_NOT_CHOSEN: "No connector of the business unit has the trigger",
    Reason.DISCARDED: "Its connector was disabled, and discarded what came",
    Reason.NO_BUSINESS_UNIT: "The contract has no business unit",
    Reason.CONTRACT_GONE: "The contract was deleted before its document could be read",
    Reason.ERASED: "Its content was erased before it was routed",
    Reason.COALESCED: "Part of another event of its transaction",
    Reason.UNCHANGED: "In the end its transaction changed nothing",
}


@dataclass(frozen=True, slots=True)
class ShownWay:
    """What to do, in words; `url` where the person may."""

    words: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A group of events with what can be done; `more` ways are not shown."""

    group: Group
    words: str
    ways: Sequence[ShownWay]
    more: int


@router.get("/not-sent")
def page(
    visit: Looking,
    *,
    business_unit: str = "",
    trigger: str = "",
    reason: str = "",
    until: str = "",
    before: EventId = None,
) -> Response:
    """Looks back a stretch from the newest event, or from where it is told."""
    units, within = unit_choice(visit, business_unit), visit.access.within
    fault = None
    with visit.site.reading() as connection:
        try:
            moment = parse_moment(until, now=audit.clock(connection)) if until.strip() else None
        except ValueError as error:
            moment, fault = None, str(error)
        wanted = Wanted(
            reasons=(Reason(reason),) if reason in (*UNSENT, *FOLDED) else UNSENT,
            business_unit=units.chosen,
            trigger=trigger if trigger in set(Trigger) else None,
            before=before,
            until=moment,
        )
        looked = not_sent.look(connection, wanted, within=within)
        listed = looked.newest()
        events = not_sent.events(connection, listed, within=within)
        reaches = not_sent.reaches(connection, within=within)
    filters = {"business_unit": units.typed, "trigger": trigger, "reason": reason}
    more = looked.events > len(listed)
    return visit.page(
        "not_sent/list.html",
        units=units,
        wanted=wanted,
        until=until,
        fault=fault,
        looked=looked,
        lines=[_line(visit, group, reaches) for group in looked.groups],
        events=events,
        reasons=REASON_WORDS,
        triggers=Trigger,
        older=link("/not-sent", filters, before=listed[-1] - 1) if more else None,
        further=None if looked.before is None else link("/not-sent", filters, before=looked.before),
        first=before is None and not until,
    )


def _line(visit: Visit, group: Group, reaches: Sequence[Reach]) -> Line:
    found = ways(group.reason, group.business_unit, group.trigger, reaches)
    shown = [_shown(visit, group, way) for way in found[:WAYS]]
    return Line(group, REASON_WORDS[Reason(group.reason)], shown, len(found) - len(shown))


def _shown(visit: Visit, group: Group, way: Way) -> ShownWay:
    reach = way.reach
    may_configure = visit.access.may(Permission.CONFIGURE) and (reach is None or reach.owned)
    if reach is None:
        url = link(NEW, business_unit=group.business_unit, trigger=group.trigger)
        return ShownWay("Create a connector for it", url if may_configure else None)
    own = f"/configurations/connectors/{quoted(reach.connector_id)}"
    if way.act is Act.ADD_TRIGGER:
        url = link(f"{own}/edit", trigger=group.trigger)
        return ShownWay(f"Add {group.trigger} to {reach.connector}", url if may_configure else None)
    if way.act is Act.ENABLE:
        return ShownWay(f"Enable {reach.connector}", own)
    may_operate = visit.access.may(Permission.OPERATE) and reach.owned
    return ShownWay(f"{reach.connector} would get it now: backfill", _backfill(group, reach) if may_operate else None)


def _backfill(group: Group, reach: Reach) -> str:
    """The stretch of the group's events, the last one included."""
    return link(
        "/not-sent/backfill",
        connector=reach.connector,
        trigger=group.trigger,
        since=write_moment(group.first_at),
        until=write_moment(group.last_at + timedelta(microseconds=1)),
    )
