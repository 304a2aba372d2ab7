"""Changes: who changed which connector and the mapping; acts: who did or looked at what. As pages, and as CSV."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from fastapi import APIRouter, Response
from sqlalchemy import Connection, Row

from outbox.access import Permission
from outbox.audit import clock
from outbox.errors import ConfigurationError
from outbox.insight.changes import BATCH, Act, Changed, Place, Sought, acts, changes, every, installs
from outbox.insight.questions import connector_choices
from outbox.moment import parse_moment
from outbox.people import user_words
from outbox.questions.reading import Rows
from outbox.web.download import download
from outbox.web.errors import NotFoundError
from outbox.web.render import link
from outbox.web.visit import Looking, Visit

router = APIRouter()
What: TypeAlias = Literal["changes", "acts"]
PAGE: Final = 50
ORIGINS: Final = {
    "code": "from a file",
    "command": "by command",
    "page": "on a page",
    "api": "by the API",
    "relay": "by the service itself",
}
_CHANGES: Final = ("changed_at", "changed_by", "origin", "connector", "version", "action", "differences")
_ACTS: Final = ("at", "who", "via", "act", "object", "business_units", "detail", "address")


@dataclass(frozen=True, slots=True)
class _Filters:
    """The filters as they were typed, what they mean, and what is wrong with them."""

    typed: Mapping[str, str]
    sought: Sought
    faults: Mapping[str, str]


@router.get("/audit/changes")
def changes_page(visit: Looking, what: What = "changes", before: str = "") -> Response:
    """A page of changes, or of acts."""
    with visit.site.reading() as connection:
        filters = _filters(visit, connection)
        shown = _listed(visit, connection, filters, what, after=_place(before))
        choices = connector_choices(connection, within=visit.access.within)
        mapping: Sequence[Row[Any]] = ()
        if what == "changes" and not before and visit.access.may(Permission.OVERSEE):
            mapping = installs(connection, within=visit.access.within)
    here = {"what": "acts" if what == "acts" else ""}
    rest = link("/audit/changes", filters.typed, here, before=_written(shown[PAGE - 1].place)) if shown[PAGE:] else None
    return visit.page(
        f"audit/{what}.html",
        status=422 if filters.faults else 200,
        shown=shown[:PAGE],
        filters=filters,
        newest=link("/audit/changes", filters.typed, here) if before else None,
        older=rest,
        csv=link("/audit/changes/answer.csv", filters.typed, here),
        choices=choices,
        mapping=mapping,
        origins=ORIGINS,
    )


@router.get("/audit/changes/answer.csv")
def changes_file(visit: Looking, what: What = "changes") -> Response:
    """All of them as a file."""
    with visit.site.reading(seconds=60.0) as connection:
        filters = _filters(visit, connection)
        if filters.faults:
            raise ConfigurationError(*(f"{name}: {words}" for name, words in filters.faults.items()))
        with visit.site.writing() as recording:
            visit.record(recording, "asked", f"list of {what}", visit.access.within, **filters.typed)
        page = partial(_shown, visit, connection, filters.sought, what, most=BATCH)
        return download(_rows(what, every(lambda after: page(after=after))), f"{what}.csv", form="csv")


def _listed(visit: Visit, connection: Connection, filters: _Filters, what: What, *, after: Place | None) -> list[Any]:
    return [] if filters.faults else _shown(visit, connection, filters.sought, what, after=after, most=PAGE + 1)


def _shown(
    visit: Visit, connection: Connection, sought: Sought, what: What, *, after: Place | None, most: int
) -> list[Any]:
    within = visit.access.within
    if what == "acts":
        themselves = user_words(visit.person.name)
        return acts(connection, sought, within=within, themselves=themselves, after=after, most=most)
    names = visit.unit_names
    return changes(connection, sought, within=within, names=names, after=after, most=most)


def _rows(what: What, found: Iterator[Any]) -> Rows:
    return Rows(_ACTS, map(_act_row, found)) if what == "acts" else Rows(_CHANGES, map(_change_row, found))


def _change_row(one: Changed) -> dict[str, Any]:
    values = (one.at, one.who, one.origin, one.connector, one.version, one.action, one.words)
    return dict(zip(_CHANGES, values, strict=True))


def _act_row(one: Act) -> dict[str, Any]:
    values = (one.at, one.who, one.via, one.act, one.object, one.units, one.words, one.address)
    return dict(zip(_ACTS, values, strict=True))


def _filters(visit: Visit, connection: Connection) -> _Filters:
    query = visit.request.query_params
    typed = {name: query.get(name, "").strip() for name in ("who", "connector", "act", "since", "until")}
    typed = {name: value for name, value in typed.items() if value}
    faults: dict[str, str] = {}
    now = clock(connection)
    moments = {name: _moment(name, typed.get(name), now, faults) for name in ("since", "until")}
    words = {name: typed.get(name) for name in ("who", "connector", "act")}
    return _Filters(typed, Sought(**words, **moments), faults)  # type: ignore[arg-type]


def _moment(name: str, typed: str | None, now: datetime, faults: dict[str, str]) -> datetime | None:
    try:
        return None if typed is None else parse_moment(typed, now=now)
    except ValueError as fault:
        faults[name] = str(fault)
        return None


def _written(place: Place) -> str:
    return f"{place.at.isoformat()}~{place.id}~{place.version}"


def _place(written: str) -> Place | None:
    if not written:
        return None
    try:
        at, number, version = written.split("~")
        return Place(datetime.fromisoformat(at), int(number), int(version))
    except ValueError:
        raise NotFoundError("There is no such page.") from None
