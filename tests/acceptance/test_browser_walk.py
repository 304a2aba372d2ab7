"""Every page in a real browser, light, dark and on a phone: axe finds nothing, all fits, nothing planted runs."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from playwright.sync_api import Browser, Page

from outbox.access import Role
from outbox.web.app import make_app
from tests.browser import SIZES, Faults, check_accessibility, check_width, open_page, serving, sign_in
from tests.conftest import Database
from tests.dashboard_sample import ALFA, UNCOVERED, ZULU, Planted, install_dashboard_sample, plant
from tests.factories import connect
from tests.postgres import Server
from tests.web import add_user, site_on
from tests.web_roles import parts_of
from tests.web_routes import Call, calls

PAGES = [call for call in calls() if call.method == "GET" and not call.api]


@dataclass
class Walk:
    """A page of somebody who may everything, on a database where every page has something to show."""

    url: str
    page: Page
    faults: Faults
    planted: Planted

    def open(self, call: Call) -> bool:
        """Whether it is a whole page, which is open now: no part of one, no download."""
        answer = self.page.request.get(self.url + call.url(parts_of(self.planted)), max_redirects=0)
        if answer.status != 200 or "<html" not in answer.text() or "content-disposition" in answer.headers:
            assert answer.status in (200, 303), f"{call}: {answer.status}"
            return False
        self.page.goto(self.url + call.url(parts_of(self.planted)))
        return True


@pytest.fixture(scope="module")
def walk(server: Server, template: str, browser: Browser) -> Iterator[Walk]:
    """Signed in, once for all pages."""
    name = "walked"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    install_dashboard_sample(server, name)
    database, faults = Database(server, name), Faults()
    with site_on(database) as site, connect(database) as sql, serving(make_app(site)) as url:
        planted, *_ = [plant(database, sql, site.box, unit) for unit in (ALFA, ZULU, UNCOVERED)]
        add_user(site, "ada", Role.ADMIN)
        page = open_page(browser, faults)
        sign_in(page, url, "ada", going_on="/account")
        yield Walk(url, page, faults, planted)
        page.context.close()
    database.dispose()


@pytest.mark.parametrize("call", PAGES, ids=str)
def test_every_page_is_well_for_everybody(walk: Walk, call: Call) -> None:
    """For those who like it dark, who hold a phone, who hear it, who use keys; and what receivers said stays text."""
    page = walk.page
    page.set_viewport_size(SIZES[False])  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    if walk.open(call):
        check_accessibility(page)
        check_width(page)
        page.emulate_media(color_scheme="dark")
        check_accessibility(page)
        page.set_viewport_size(SIZES[True])  # type: ignore[arg-type]
        check_accessibility(page)
        check_width(page)
        assert page.evaluate("window.planted === undefined")
    found = list(walk.faults)
    walk.faults.clear()
    assert found == []
