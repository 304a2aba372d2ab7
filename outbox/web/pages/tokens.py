"""Tokens: what opens the REST API, as what, limited to which business units."""

from typing import Final

from fastapi import APIRouter, Response

from outbox.api_tokens import make_token, revoke_token, token_words, tokens
from outbox.errors import ConfigurationError
from outbox.web.errors import NotFoundError
from outbox.web.person_forms import Granted, granted, placed, roles_offered, units_offered
from outbox.web.visit import Administering, Visit

router = APIRouter()
LIVES: Final = (("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "never"))
"""How long a token may live: days, and words; without days for ever."""


@router.get("/tokens")
def token_list(visit: Administering) -> Response:
    """Every token that is not revoked, and a form for one more."""
    return _list(visit, Granted())


@router.post("/tokens")
def create(visit: Administering) -> Response:
    """Makes a token, which is shown this once."""
    given = granted(visit.form)
    written = str(visit.form.get("days", ""))
    try:
        days = _days(written)
        with visit.site.writing() as connection:
            values = {"role": given.role, "within": given.within, "days": days, "created_by": visit.access.who}
            token = make_token(connection, name=given.name, **values)  # type: ignore[arg-type]
            units = None if given.within is None else list(given.within)
            visit.record(
                connection, "made", token_words(given.name), role=given.role.value, business_units=units, days=days
            )
    except ConfigurationError as error:
        return _list(visit, given, days=written, faults=placed(error.faults), status=422)
    return visit.page("tokens/once.html", name=given.name, token=token)


@router.post("/tokens/{token_id}/revoke")
def revoke(visit: Administering, token_id: int) -> Response:
    """Ends a token for good."""
    with visit.site.writing() as connection:
        name = revoke_token(connection, token_id)
        if name is None:
            raise NotFoundError("There is no such token.")
        visit.record(connection, "revoked", token_words(name))
    return visit.redirect("/tokens", said=f"{name} opens nothing any more.")


def _days(written: str) -> float | None:
    if not written:
        return None
    try:
        return float(written)
    except ValueError:
        raise ConfigurationError(f"days: expected a number of days, got {written!r}") from None


def _list(
    visit: Visit, given: Granted, *, days: str = "90", faults: dict[str, list[str]] | None = None, status: int = 200
) -> Response:
    with visit.site.reading() as connection:
        found = tokens(connection)
    return visit.page(
        "tokens/list.html",
        status=status,
        tokens=found,
        given=given,
        days=days,
        lives=LIVES,
        faults=faults or {},
        roles=roles_offered(),
        units=units_offered(visit.unit_names, given.units),
    )
