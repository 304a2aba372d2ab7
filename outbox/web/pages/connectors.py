"""Configurations, Connectors: the list, with how each does."""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from outbox.access import Permission
from outbox.insight.connectors import STATES, Grouping, Place, State, Wanted, figures, listing
from outbox.model import Trigger
from outbox.web.pages.unit_choice import unit_choice
from outbox.web.render import link
from outbox.web.visit import Looking, Visit

router = APIRouter()
LIST = "/configurations/connectors"
GROUPINGS: Mapping[Grouping, str] = {
    "none": "Nothing",
    "state": "State",
    "business_unit": "Business unit",
    "trigger": "Trigger",
}


Text = Annotated[str, AfterValidator(lambda written: written.replace("\0", ""))]
"""PostgreSQL has no NUL in a text."""
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Filters(BaseModel):
    """What the list's address says; what it can't mean is left out."""

    model_config = ConfigDict(frozen=True)

    q: Text = ""
    state: str = ""
    business_unit: Text = ""
    trigger: str = ""
    group: str = "none"
    after_group: Text = ""
    after_name: Text = ""
    after_id: Number | None = None

    @property
    def kept(self) -> dict[str, str]:
        """The filters without the place in the list."""
        given = {"q": self.q, "state": self.state, "business_unit": self.business_unit, "trigger": self.trigger}
        return given | {"group": "" if self.group == "none" else self.group}

    @property
    def chosen(self) -> bool:
        """Whether anything is left out."""
        return any((self.q.strip(), self.state, self.business_unit.strip(), self.trigger))


Filtered = Annotated[Filters, Query()]


@router.get(LIST)
def connectors(visit: Looking, filters: Filtered) -> Response:
    """The page."""
    return visit.page("connectors/list.html", **_shown(visit, filters))


@router.get(f"{LIST}/table")
def connectors_table(visit: Looking, filters: Filtered) -> Response:
    """Its table alone, for who looks on."""
    return visit.fragment("connectors/table.html", **_shown(visit, filters))


def _shown(visit: Visit, filters: Filters) -> dict[str, Any]:
    within, units = visit.access.within, unit_choice(visit, filters.business_unit)
    wanted = Wanted(
        words=filters.q.strip() or None,
        state=_one(filters.state, get_args(State)),
        business_unit=units.chosen,
        trigger=_one(filters.trigger, tuple(Trigger)),
        grouping=_one(filters.group, get_args(Grouping)) or "none",
        after=_place(filters),
    )
    with visit.site.reading() as connection:
        found = listing(connection, wanted, within=within)
        figured = figures(connection, [one.id for one in found.rows], within=within)
    after = found.after
    place = {} if after is None else {"after_group": after.group, "after_name": after.name, "after_id": after.id}
    return {
        "listing": found,
        "figures": figured,
        "filters": filters,
        "wanted": wanted,
        "units": units.proposed,
        "groupings": GROUPINGS,
        "states": STATES,
        "triggers": tuple(Trigger),
        "state_urls": {state: link(LIST, {**filters.kept, "state": state}) for state in STATES},
        "table_url": link(f"{LIST}/table", filters.kept, _after(filters)),
        "next_url": link(LIST, filters.kept, place) if place else None,
        "first_url": link(LIST, filters.kept) if wanted.after else None,
        "may_create": visit.access.may(Permission.CONFIGURE),
        "may_operate": visit.access.may(Permission.OPERATE),
    }


def _one(given: str, known: tuple[Any, ...]) -> Any:  # noqa: ANN401 (one of `known`, whatever those are)
    return next((one for one in known if one == given), None)


def _place(filters: Filters) -> Place | None:
    if filters.after_id is None:
        return None
    return Place(filters.after_group, filters.after_name, filters.after_id)


def _after(filters: Filters) -> dict[str, object]:
    if filters.after_id is None:
        return {}
    return {"after_group": filters.after_group, "after_name": filters.after_name, "after_id": filters.after_id}
