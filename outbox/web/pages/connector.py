"""One connector's page: how it stands and does, what failed, what went out, what goes next, how it is configured."""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from outbox.access import Permission
from outbox.audit import clock
from outbox.connector_words import configuration
from outbox.connectors import StandingConnector, connector_of_id
from outbox.insight.connector_page import (
    STRETCHES,
    Standing,
    course,
    faults,
    open_deliveries,
    recent,
    standing,
    upcoming,
)
from outbox.model import ALL_BUSINESS_UNITS
from outbox.web.errors import ForbiddenError, NotFoundError
from outbox.web.pages.connector_chart import bars
from outbox.web.pages.connectors import LIST
from outbox.web.visit import Looking, Visit

router = APIRouter()
REPLAY_SINCE: Final = {"1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "": "ever"}
NO_SUCH = "There is no such connector."


@router.get(LIST + "/{connector_id:int}")
def connector(visit: Looking, connector_id: int, stretch: str = "24h") -> Response:
    """The page."""
    chosen = stretch if stretch in STRETCHES else "24h"
    with visit.site.reading() as connection:
        found = seen(visit, connection, connector_id)
        configured = connector_of_id(connection, visit.site.box, connector_id)
        values = {
            **_now(visit, connection, found),
            **_activity(visit, connection, found),
            **_figures(visit, connection, found, chosen),
        }
    lines = () if configured is None else _configuration(visit, found, configured)
    return visit.page("connectors/connector.html", configuration=lines, replay_since=REPLAY_SINCE, **values)


@router.get(LIST + "/{connector_id:int}/state")
def connector_state(visit: Looking, connector_id: int) -> Response:
    """Its state in one line, read out when it changes."""
    with visit.site.reading() as connection:
        return visit.fragment("connectors/state.html", connector=seen(visit, connection, connector_id).connector)


@router.get(LIST + "/{connector_id:int}/now")
def connector_now(visit: Looking, connector_id: int) -> Response:
    """How it stands, for who looks on."""
    with visit.site.reading() as connection:
        found = seen(visit, connection, connector_id)
        return visit.fragment("connectors/now.html", **_now(visit, connection, found))


@router.get(LIST + "/{connector_id:int}/activity")
def connector_activity(visit: Looking, connector_id: int) -> Response:
    """What goes next and what went out, for who looks on."""
    with visit.site.reading() as connection:
        found = seen(visit, connection, connector_id)
        return visit.fragment("connectors/activity.html", **_activity(visit, connection, found))


@router.get(LIST + "/{connector_id:int}/figures")
def connector_figures(visit: Looking, connector_id: int, stretch: str = "24h") -> Response:
    """How it does, for who looks on."""
    chosen = stretch if stretch in STRETCHES else "24h"
    with visit.site.reading() as connection:
        found = seen(visit, connection, connector_id)
        return visit.fragment("connectors/figures.html", **_figures(visit, connection, found, chosen))


def seen(visit: Visit, connection: Connection, connector_id: int) -> Standing:
    """The connector, where it is theirs to see."""
    found = standing(connection, connector_id, within=visit.access.within)
    if found is None:
        raise NotFoundError(NO_SUCH)
    return found


def owned(visit: Visit, connection: Connection, connector_id: int) -> Standing:
    """The connector, where it is theirs to change; it stands, and isn't removed."""
    found = seen(visit, connection, connector_id)
    if found.connector.shared:
        raise ForbiddenError(
            f"connector {found.connector.name!r} also reports for business units that aren't yours;"
            " ask somebody who may change it for all of them"
        )
    if found.connector.state == "removed":
        raise NotFoundError(f"Connector {found.connector.name!r} is removed; its history stays.")
    return found


def _now(visit: Visit, connection: Connection, found: Standing) -> dict[str, Any]:
    within, one = visit.access.within, found.connector
    day = course(connection, one.id, STRETCHES["24h"], within=within)
    may = visit.access.may(Permission.OPERATE) and not one.shared and one.state != "removed"
    return {
        "standing": found,
        "connector": one,
        "open": open_deliveries(connection, one, within=within),
        "day": day,
        "at": clock(connection),
        "may_operate": may,
        "may_configure": may and visit.access.may(Permission.CONFIGURE),
        "may_copy": visit.access.may(Permission.CONFIGURE),
    }


def _activity(visit: Visit, connection: Connection, found: Standing) -> dict[str, Any]:
    within, one = visit.access.within, found.connector
    return {
        "connector": one,
        "recent": recent(connection, one.id, within=within),
        "upcoming": upcoming(connection, one.id, within=within),
        "at": clock(connection),
    }


def _figures(visit: Visit, connection: Connection, found: Standing, chosen: str) -> dict[str, Any]:
    within, one, stretch = visit.access.within, found.connector, STRETCHES[chosen]
    done = course(connection, one.id, stretch, within=within)
    since = clock(connection) - timedelta(seconds=stretch.seconds)
    return {
        "connector": one,
        "course": done,
        "bars": bars(done),
        "stretch": chosen,
        "stretches": STRETCHES,
        "faults": faults(connection, one.id, since, within=within),
    }


def _configuration(visit: Visit, found: Standing, configured: StandingConnector) -> list[Any]:
    """Every field in words, its business units as far as they are in sight."""
    sight = (*([ALL_BUSINESS_UNITS] if found.connector.for_all else ()), *found.connector.units)
    spec = configured.spec.model_copy(update={"business_units": sight})
    units = {**visit.unit_names, ALL_BUSINESS_UNITS: "all business units"}
    old = configured.old_signing_secret is not None
    return list(configuration(spec, units=units, old_signing_secret=old))
