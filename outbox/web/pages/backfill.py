"""Backfill by page: a connector gets the recorded events that it would get now; counted first, then done."""

import shlex
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from outbox import audit
from outbox.backfill import Wanted, backfill, check_backfill, count_missing
from outbox.connectors import StandingConnector, standing_connectors
from outbox.errors import RefusedError
from outbox.model import Trigger
from outbox.moment import parse_moment, write_moment
from outbox.web.errors import ForbiddenError, NotFoundError
from outbox.web.visit import Operating, Visit

router = APIRouter()
MOST = 5_000
"""More than so many are left to the command, which goes on for as long as it takes."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was typed, and what is wrong with it, by field."""

    connector: str
    trigger: str
    contract: str
    since: str
    until: str
    faults: dict[str, str]
    wanted: Wanted | None

    @property
    def command(self) -> str:
        """The same on the command line."""
        given = {"contract": self.contract, "trigger": self.trigger, "since": self.since, "until": self.until}
        options = [word for name, value in given.items() if value for word in (f"--{name}", value)]
        return shlex.join(["outbox", "connectors", "backfill", self.connector, *options])


@router.get("/not-sent/backfill")
def form(
    visit: Operating, *, connector: str = "", trigger: str = "", contract: str = "", since: str = "", until: str = ""
) -> Response:
    """What is to be sent to which connector, and how many events that would be."""
    with visit.site.reading() as connection:
        typed = _typed(
            audit.clock(connection), connector=connector, trigger=trigger, contract=contract, since=since, until=until
        )
        owned = [one for one in standing_connectors(connection, visit.site.box) if _owns(visit, one)]
        count, refusal = None, None
        if typed.connector and typed.wanted is not None:
            try:
                standing = _standing(visit, connection, typed.connector)
                check_backfill(standing.connector(), typed.wanted)
                count = count_missing(connection, standing.connector(), typed.wanted, most=MOST + 1)
            except RefusedError as error:
                refusal = str(error)
    names = [one.spec.name for one in owned]
    return visit.page(
        "not_sent/backfill.html", typed=typed, names=names, count=count, refusal=refusal, most=MOST, triggers=Trigger
    )


@router.post("/not-sent/backfill")
def do(visit: Operating) -> Response:
    """Makes the deliveries, on record."""
    given = {name: str(visit.form.get(name, "")) for name in ("connector", "trigger", "contract", "since", "until")}
    with visit.site.reading() as connection:
        typed = _typed(audit.clock(connection), **given)
        if typed.wanted is None:
            raise RefusedError("; ".join(typed.faults.values()))
        standing = _standing(visit, connection, typed.connector)
        connector = standing.connector()
        check_backfill(connector, typed.wanted)
        if count_missing(connection, connector, typed.wanted, most=MOST + 1) > MOST:
            raise RefusedError(f"more than {MOST:,} events are missing; run `{typed.command}`")
    name = standing.spec.name
    with visit.site.writing() as connection:
        asked = {key: value for key, value in given.items() if value and key != "connector"}
        visit.record(connection, "backfilled", f"connector {name!r}", standing.spec.business_units, **asked)
    max_bytes = visit.site.settings.report.max_bytes
    made = sum(backfill(visit.site.engine, connector, typed.wanted, max_bytes=max_bytes, worker=visit.access.who))
    words = "1 delivery was made" if made == 1 else f"{made:,} deliveries were made"
    waits = "" if connector.sends else f"; the connector is {standing.state}, so they wait"
    return visit.redirect(f"/configurations/connectors/{standing.id}", said=f"{words} for {name}{waits}.")


def _typed(now: datetime, *, connector: str, trigger: str, contract: str, since: str, until: str) -> Typed:
    faults: dict[str, str] = {}
    moments: dict[str, datetime | None] = {}
    for name, written in (("since", since), ("until", until)):
        moments[name] = None
        try:
            moments[name] = parse_moment(written, now=now) if written.strip() else None
        except ValueError as fault:
            faults[name] = str(fault)
    if trigger and trigger not in set(Trigger):
        faults["trigger"] = f"expected one of {', '.join(Trigger)}, got {trigger!r}"
    if "\0" in contract:
        faults["contract"] = "expected the id of a contract"
    chosen = Trigger(trigger) if trigger and "trigger" not in faults else None
    wanted = None if faults else Wanted(moments["since"], moments["until"], contract or None, chosen)
    # How long ago is reckoned once: what is counted is what is done.
    fixed = {name: write_moment(moment) if moment else "" for name, moment in moments.items()}
    shown = {"since": since, "until": until} if faults else fixed
    return Typed(connector, trigger, contract, shown["since"], shown["until"], faults, wanted)


def _owns(visit: Visit, standing: StandingConnector) -> bool:
    return visit.access.owns(standing.spec.business_units)


def _standing(visit: Visit, connection: Connection, name: str) -> StandingConnector:
    """The connector of that name, which the person must own: all its business units get what they missed."""
    for one in standing_connectors(connection, visit.site.box):
        if one.spec.name == name and visit.access.sees_connector(one.spec.business_units):
            if not _owns(visit, one):
                raise ForbiddenError(
                    f"connector {name!r} reports for business units that aren't yours too; ask an operator of them all"
                )
            return one
    raise NotFoundError("There is no such connector.")
