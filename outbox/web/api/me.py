"""What the token that calls may."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from outbox.access import Role
from outbox.web.api.caller import Looking
from outbox.web.api.problems import answers

router = APIRouter(tags=["me"])


class Me(BaseModel):
    """A token and its limits."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(examples=["reporting"])
    role: Role
    business_units: list[str] | None = Field(description="The ids that the token is limited to; null: not limited.")


@router.get("/me", responses=answers())
def get_me(caller: Looking) -> Me:
    """What the token that calls may."""
    access = caller.access
    return Me(
        name=access.who,
        role=access.role,
        business_units=None if access.within is None else list(access.within),
    )
