"""Configurations, and the way to a new connector: its kind, then its type, then its form."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Response

from outbox.web.configuring.editing import NEW
from outbox.web.visit import Configuring, Looking

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Way:
    """Something to choose on the way to a connector."""

    name: str
    words: str
    url: str


KINDS: Final = (
    Way("Reporting", "tells another system what happens to contracts", "/configurations/connectors/new/reporting"),
)
TYPES: Final = (Way("Webhook", "a POST request for each occurrence, to an address of the receiver's", NEW),)


@router.get("/configurations")
def configurations(visit: Looking) -> Response:
    """What can be configured."""
    return visit.page("form/configurations.html")


@router.get("/configurations/connectors/new")
def kinds(visit: Configuring) -> Response:
    """The kinds of connectors."""
    return visit.page("form/kinds.html", kinds=KINDS)


@router.get("/configurations/connectors/new/reporting")
def types(visit: Configuring, type: str | None = None) -> Response:  # noqa: A002 (the word of the URL)
    """The types of reporting connectors; with one chosen, on to its form."""
    chosen = next((one for one in TYPES if one.name.lower() == type), None)
    if chosen is not None:
        return visit.redirect(chosen.url)
    return visit.page("form/types.html", types=TYPES, asked=type is not None)
