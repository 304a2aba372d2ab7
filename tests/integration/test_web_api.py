"""The pages that tell what programs can call: all calls on one, each on its own, every link leads somewhere."""

import re

from outbox.access import Role
from outbox.web.api import document
from outbox.web.api.problems import TITLES
from tests.conftest import Database
from tests.web import signed_in, site_on


def test_every_call_has_a_page_and_every_link_a_place(database: Database) -> None:
    """Whoever is signed in may read them; a call's page has each shape that it names, problems are on the first."""
    with site_on(database) as site, signed_in(site, role=Role.VIEWER, within=("bu1",)) as client:
        page = client.get("/api")
        operations = [one["operationId"] for each in document()["paths"].values() for one in each.values()]
        assert sorted(set(re.findall(r'href="/api/calls/(\w+)"', page.text))) == sorted(operations)
        problems = {f"problem-{status}" for status in TITLES}
        assert problems <= set(re.findall(r'id="([\w-]+)"', page.text))
        for operation in operations:
            told = client.get(f"/api/calls/{operation}")
            links, places = re.findall(r'href="#(\w+)"', told.text), re.findall(r'id="(\w+)"', told.text)
            assert (told.status_code, set(links) - set(places)) == (200, set()), operation
            assert set(re.findall(r'href="/api#([\w-]+)"', told.text)) <= problems
        assert client.get("/api/calls/nothing").status_code == 404
