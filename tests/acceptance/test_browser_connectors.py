"""Connectors as a person sees them: stopped and started from the list, and a page that follows what happens."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from outbox.web.app import make_app
from tests.browser import Serve, check_accessibility, check_width, sign_in
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    hold,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_open,
)
from tests.web import add_user, site_on

LIST = "/configurations/connectors"


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange with."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def url(database: Database, serve: Serve) -> Iterator[str]:
    """The dashboard on the test's database, with one person in it."""
    with site_on(database) as site:
        add_user(site)
        yield serve(make_app(site))


def test_a_connector_is_stopped_and_started_by_keyboard(url: str, sql: Connection, browser_page: Page) -> None:
    """From the list and back to it; each page says what becomes of what waits, and none has a fault of access."""
    insert_open(sql, insert_connector(sql, "Provider reporting"))
    page = browser_page
    sign_in(page, url, "ada", going_on=LIST)

    page.get_by_role("link", name="Disable Provider reporting").press("Enter")
    expect(page.get_by_text("1 delivery waits")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("textbox", name="Reason").fill("they move house")
    page.get_by_role("textbox", name="Reason").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("its deliveries are held")
    page.get_by_role("link", name="Enable Provider reporting").press("Enter")
    page.get_by_role("button", name="Enable").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 delivery that waited goes out now")
    expect(page.get_by_role("row", name="Provider reporting")).to_contain_text("enabled")
    check_accessibility(page)


def test_a_page_follows_what_happens(url: str, sql: Connection, dark_page: Page, phone_page: Page) -> None:
    """Without a reload: it is held, and a delivery fails; in the dark and on a phone, with nothing out of reach."""
    crm = insert_connector(sql, "crm")
    for page in (dark_page, phone_page):
        sign_in(page, url, "ada", going_on=f"{LIST}/{crm}")
        expect(page.get_by_text("Nothing waits.")).to_be_visible()

    event = insert_event(sql, "contract-1")
    insert_delivery(sql, event, crm)
    insert_attempt(sql, event, crm, outcome="protocol", error="<b>broken</b> answer", settled="dead")
    insert_open(sql, crm, "contract-2")
    hold(sql, crm, "10 attempts in a row failed")

    for page in (dark_page, phone_page):
        expect(page.get_by_text("10 attempts in a row failed")).to_be_visible()
        expect(page.get_by_role("link", name="contract-2").first).to_be_visible()
        expect(page.get_by_text("<b>broken</b> answer").first).to_be_visible()
        check_accessibility(page)
        check_width(page)
