"""The Dashboard: what is well and what isn't, the grid, the curves; each a part that is renewed while one looks."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from outbox.insight.axis import spoken
from outbox.insight.backlog import read_connectors
from outbox.insight.grid import SHADE_WORDS, Chosen
from outbox.stretches import Length
from outbox.web import board
from outbox.web.errors import NotFoundError
from outbox.web.render import link
from outbox.web.visit import Looking, Visit

router = APIRouter()

NOW_SECONDS, GRID_SECONDS, CURVES_SECONDS = 5, 60, 30
LENGTHS = {"h": Length.HOUR, "d": Length.DAY}
WORDS = {"24h": "24 hours", "48h": "48 hours", "30d": "30 days"}
FURTHEST = 400 * 24 * 366
"""No hour of the grid is later: the number in a link may be anything."""

Word: TypeAlias = Annotated[str | None, Query(max_length=200)]


class Asked(BaseModel):
    """What the page's address says."""

    grid: Word = None
    last: Word = None
    connector: Word = None
    business_unit: Word = None
    state: Word = None
    page: int = 1

    @property
    def kind(self) -> str:
        """The grid's columns."""
        return self.grid if self.grid in board.GRIDS else "24h"

    @property
    def span(self) -> str:
        """The curves' time."""
        return self.last if self.last in board.SPANS else "24h"

    @property
    def chosen(self) -> Chosen:
        """The grid's rows; an empty field of a form chooses nothing."""
        return Chosen(self.connector or None, self.business_unit or None, self.state or None)

    @property
    def filters(self) -> dict[str, str | None]:
        """The same, for links."""
        return {"connector": self.connector, "business_unit": self.business_unit, "state": self.state}


Given: TypeAlias = Annotated[Asked, Query()]


@router.get("/")
def dashboard(visit: Looking, asked: Given) -> Response:
    """The whole page."""
    values = {**_standing(visit), **_grid(visit, asked), **_curves(visit, asked)}
    spans = {key: span.words for key, span in board.SPANS.items()}
    return visit.page("dashboard/dashboard.html", spans=spans, kinds=WORDS, shades=SHADE_WORDS, **values)


@router.get("/dashboard/now")
def standing(visit: Looking) -> Response:
    """The verdict and the tiles."""
    return visit.fragment("dashboard/now.html", **_standing(visit))


@router.get("/dashboard/grid")
def grid_part(visit: Looking, asked: Given) -> Response:
    """The grid's table."""
    return visit.fragment("dashboard/grid.html", **_grid(visit, asked))


@router.get("/dashboard/curves")
def curves_part(visit: Looking, asked: Given) -> Response:
    """The curves."""
    return visit.fragment("dashboard/curves.html", **_curves(visit, asked))


@router.get("/dashboard/{connector_id}/{stretch}")
def square(visit: Looking, connector_id: int, stretch: str, unit: Word = None) -> Response:
    """On from a square to its deliveries; short, so that a grid of hundreds is a small page."""
    length, number = LENGTHS.get(stretch[-1:]), stretch[:-1]
    if length is None or not number.isascii() or not number.isdigit() or int(number) > FURTHEST:
        raise NotFoundError("There is no such page.")
    with visit.site.reading() as connection:
        seen = read_connectors(connection, within=visit.access.within)
    names = [one.line.name for one in seen if one.line.connector_id == connector_id]
    if not names:
        raise NotFoundError("There is no such connector.")
    since = datetime.fromtimestamp(int(number) * length.span.total_seconds(), UTC)
    until = since + length.span
    asked = {"connector": names[0], "business_unit": unit, "since": _written(since), "until": _written(until)}
    return visit.redirect(link("/deliveries", asked))


def _standing(visit: Visit) -> dict[str, Any]:
    found = board.glance(visit.site, visit.access.within)
    volumes = found.volumes
    return {
        "glance": found,
        "hour": volumes.over(board.HOUR),
        "day": volumes.over(board.DAY),
        "rate": volumes.rate,
        "spoken": lambda span: spoken(span.total_seconds() * 1000),
        "now_seconds": NOW_SECONDS,
    }


def _grid(visit: Visit, asked: Asked) -> dict[str, Any]:
    found = board.grid_page(visit.site, visit.access.within, kind=asked.kind, chosen=asked.chosen, page=asked.page)
    hours = found.length is Length.HOUR
    return {
        "grid": found,
        "kind": asked.kind,
        "filters": asked.filters,
        "suffix": "h" if hours else "d",
        "form": "%a %H:%M" if hours else "%a %b %d",
        "label": "%H" if hours else "%d",
        "seconds": found.length.span.total_seconds(),
        "grid_seconds": GRID_SECONDS,
    }


def _curves(visit: Visit, asked: Asked) -> dict[str, Any]:
    return {
        "figures": board.curves(visit.site, visit.access.within, last=asked.span),
        "last": asked.span,
        "milliseconds": spoken,
        "curves_seconds": CURVES_SECONDS,
    }


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%MZ")
