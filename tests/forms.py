"""The configuration page as its tests use it: typed into, sent, and what became of it."""

import re
from html import unescape
from typing import Any

import httpx2
from starlette.testclient import TestClient

from outbox.connector_edits import Author, create_connector, remove_connector
from outbox.connectors import StandingConnector, find_connector, standing_connectors
from outbox.web.site import Site
from tests.connectors import spec
from tests.submitted import Pairs, changed, submitted

NEW = "/configurations/connectors/new/reporting/webhook"
BOB = Author("bob", "page")
EXAMPLE: dict[str, Any] = {
    "business_units": "1",
    "triggers": ["create", "update", "send"],
    "url": "https://example.com/webhook",
    "content_type": "application/json",
    "secret": "your_secret_key",
    "ssl_verification": "enable",
    "data": "everything",
}


def form_of(page: httpx2.Response) -> Pairs:
    """What the page's form would send."""
    return submitted(page.text, "connector")


def send(client: TestClient, url: str, pairs: Pairs, act: str = "save") -> httpx2.Response:
    """Sends the form by the button of that act."""
    fields: dict[str, list[str]] = {}
    for name, value in [*pairs, ("act", act)]:
        fields.setdefault(name, []).append(value)
    return client.post(url, data=fields)


def typed(client: TestClient, act: str = "save", at: str = NEW, **values: Any) -> httpx2.Response:
    """Types into the form at that place and sends it."""
    return send(client, at, changed(form_of(client.get(at)), **values), act)


def made(site: Site, **values: Any) -> StandingConnector:
    """A connector of unit 1 as it stands."""
    asked = spec(**{"business_units": ["1"], **values})
    with site.writing() as connection:
        create_connector(connection, asked, box=site.box, author=BOB)
    return found(site, asked.name)


def found(site: Site, name: str) -> StandingConnector:
    """The connector of that name."""
    with site.reading() as connection:
        return find_connector(connection, site.box, name)


def edit_url(standing: StandingConnector) -> str:
    """Where it is edited."""
    return f"/configurations/connectors/{standing.id}/edit"


def told(page: httpx2.Response, key: str) -> str:
    """What stands at the field as its fault."""
    faults = re.search(rf'<p class="fault" id="{key}-fault">(.*?)</p>', page.text, re.DOTALL)
    assert faults is not None, f"no fault at {key}: {re.findall(r'id=.([a-z_]+)-fault', page.text)}"
    return unescape(faults[1])


def clear(site: Site) -> None:
    """Removes every connector, so that its name is free."""
    with site.writing() as connection:
        for one in standing_connectors(connection, site.box):
            remove_connector(connection, one, author=BOB)
