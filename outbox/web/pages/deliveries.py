"""Deliveries: the list with its filters, live, and what is done with all that a filter finds."""

import re
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from outbox import audit, bulk
from outbox.audit_names import connector_names
from outbox.bulk import Act, Tally
from outbox.cursor import Cursor
from outbox.errors import ConfigurationError
from outbox.insight.deliveries import Page, listed
from outbox.model import Outcome, State, Trigger
from outbox.moment import write_moment
from outbox.web.bulk_words import verdict_lines
from outbox.web.delivery_filters import Filters
from outbox.web.pages.unit_choice import unit_choice
from outbox.web.render import link
from outbox.web.visit import Looking, Operating, Visit

router = APIRouter()

LIST: Final = "/deliveries"
ROWS: Final = "/deliveries/rows"
BULK: Final = "/deliveries/all"
_COUNT: Final = re.compile("[0-9]{1,12}")
BULK_SECONDS: Final = 2.0
"""So long one request works on many deliveries; the next one goes on."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the page and its live part show."""

    filters: Filters
    page: Page
    fault: str | None

    def values(self) -> dict[str, Any]:
        """For the templates."""
        page, typed = self.page, self.filters.typed
        older = None if page.older is None else link(LIST, typed, cursor=str(page.older))
        newer = None if page.newer is None else link(LIST, typed, cursor=str(page.newer))
        return {"filters": self.filters, "page": page, "fault": self.fault, "older": older, "newer": newer}


@router.get(LIST)
def deliveries(visit: Looking, cursor: str = "") -> Response:
    """The list; the newest page of it is live. What was left empty in the form is left out of the URL."""
    if "" in visit.request.query_params.values():
        return visit.redirect(link(LIST, Filters.read(visit.request.query_params).typed))
    shown = _shown(visit, cursor)
    with visit.site.reading() as connection:
        names = connector_names(connection, within=visit.access.within)
    return visit.page(
        "deliveries/list.html",
        status=422 if shown.fault or shown.filters.faults else 200,
        **shown.values(),
        live=None if cursor or shown.fault or shown.filters.faults else link(ROWS, shown.filters.typed),
        chips=shown.filters.chips(LIST, visit.unit_names),
        connectors=names,
        units=unit_choice(visit, "").proposed,
        words={"trigger": list(Trigger), "state": list(State), "outcome": list(Outcome)},
    )


@router.get(ROWS)
def rows(visit: Looking) -> Response:
    """The newest page's rows."""
    return visit.fragment("deliveries/rows.html", **_shown(visit, "").values())


def _shown(visit: Visit, cursor: str) -> _Shown:
    filters = Filters.read(visit.request.query_params)
    with visit.site.reading() as connection:
        question = filters.question(audit.clock(connection))
        if filters.faults:
            return _Shown(filters, Page(()), None)
        try:
            place = Cursor.read(cursor) if cursor else None
            page = listed(connection, question, within=visit.access.within, cursor=place)
        except ConfigurationError as error:
            return _Shown(filters, Page(()), str(error))
    return _Shown(filters, page, None)


@router.get(BULK)
def counted(visit: Operating, act: Act) -> Response:
    """What would be done with all that the filters find: counted first."""
    filters = Filters.read(visit.request.query_params)
    with visit.site.reading() as connection:
        question = filters.question(audit.clock(connection))
        _refuse_faults(filters)
        question = bulk.fixed(connection, question)
        tally = bulk.count(connection, question, act, within=visit.access.within)
    times = {"since": question.since, "until": question.until}
    return visit.page(
        "deliveries/all.html",
        act=act,
        tally=tally,
        lines=verdict_lines(tally),
        filters=filters,
        chips=filters.chips(BULK, visit.unit_names),
        typed={**filters.typed, **{name: write_moment(time) for name, time in times.items() if time is not None}},
        back=link(LIST, filters.typed),
    )


@router.post(BULK)
def done(visit: Operating) -> Response:
    """Does it, as far as one request goes; what it answers with goes on."""
    filters, act = Filters.read(visit.form), _act(str(visit.form.get("act", "")))
    cursor = Cursor.read(str(visit.form["cursor"])) if visit.form.get("cursor") else None
    with visit.site.reading() as connection:
        question = filters.question(audit.clock(connection))
    _refuse_faults(filters)
    if not filters.typed:
        raise ConfigurationError("filters: expected at least one, got none; choose what is meant")
    work = bulk.run(
        visit.site.engine,
        question,
        act,
        within=visit.access.within,
        asked_by=visit.access.who,
        cursor=cursor,
        seconds=BULK_SECONDS,
    )
    with visit.site.writing() as connection:
        did = {Act.REPLAY: "replayed", Act.CANCEL: "cancelled"}[act]
        visit.record(
            connection, did, "deliveries", visit.access.within, filters=dict(filters.typed), done=work.done.able
        )
    given = str(visit.form.get("before", ""))
    before = int(given) if _COUNT.fullmatch(given) else 0
    return _progress(visit, act, filters, work.done, before=before, onward=work.onward)


def _progress(
    visit: Visit, act: Act, filters: Filters, done_now: Tally, *, before: int, onward: Cursor | None
) -> Response:
    values: dict[str, Any] = {
        "act": act,
        "typed": filters.typed,
        "lines": verdict_lines(done_now),
        "sum": before + done_now.able,
        "onward": None if onward is None else str(onward),
        "back": link(LIST, {name: text for name, text in filters.typed.items() if name not in ("state", "until")}),
    }
    if "X-Fragment" in visit.request.headers:
        return visit.fragment("deliveries/progress.html", **values)
    return visit.page("deliveries/doing.html", **values)


def _act(written: str) -> Act:
    try:
        return Act(written)
    except ValueError:
        raise ConfigurationError(f"act: expected replay or cancel, got {written!r}") from None


def _refuse_faults(filters: Filters) -> None:
    if filters.faults:
        raise ConfigurationError(*(f"{name}: {fault}" for name, fault in filters.faults.items()))
