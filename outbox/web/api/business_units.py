"""Business units, as the source names them."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from outbox.web.api.caller import Looking
from outbox.web.api.exact import ExactResponse
from outbox.web.api.problems import answers

router = APIRouter(prefix="/business-units", tags=["business units"])


class Unit(BaseModel):
    """A business unit; without a name where the source has none for it."""

    id: str
    name: str | None


class UnitList(BaseModel):
    """Those that the token is for, by name."""

    business_units: list[Unit]


@router.get("", response_model=UnitList, responses=answers())
def list_business_units(caller: Looking) -> Response:
    """Business units that the token is for."""
    names = caller.site.unit_names(within=caller.access.within)
    ids = names.keys() if caller.access.within is None else set(caller.access.within)
    units = [{"id": one, "name": names.get(one)} for one in ids]
    return ExactResponse({"business_units": sorted(units, key=lambda unit: (unit["name"] or unit["id"], unit["id"]))})
