"""The Dashboard in a real browser: renewed while one looks, walked by keyboard, well in light, dark and on a phone."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from outbox.web.app import make_app
from tests.browser import Serve, check_accessibility, check_width, sign_in
from tests.conftest import Database
from tests.factories import Connection, connect, insert_attempt, insert_connector, insert_delivery, insert_event
from tests.web import add_user, site_on


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def url(database: Database, db: Connection, serve: Serve) -> Iterator[str]:
    """A served site with two connectors that delivered in each of the last five hours."""
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('h:1', 'h', 1, '1', 'requests')"
    )
    db.execute("UPDATE outbox.counted SET until = now() - interval '5 hours'")
    db.execute("UPDATE outbox.counted SET until = date_trunc('hour', now()) WHERE minutes = 60")
    for name in ("crm", "erp"):
        connector = insert_connector(db, name)
        db.execute(
            "INSERT INTO outbox.figure (minutes, since, connector_id, business_unit, routed, attempts, ok, delivered,"
            " retried, dead, cancelled, delivery_bins, delivery_counts, answer_bins, answer_counts)"
            " SELECT 60, h, %s, 'bu1', h, 40, 40, 40, 0, 0, 0, '{40,70}', '{30,10}', '{30,60}', '{30,10}'"
            " FROM generate_series(date_trunc('hour', now()) - interval '5 hours',"
            " date_trunc('hour', now()) - interval '1 hour', '1 hour') AS h",
            (connector,),
        )
        dead(db, connector)
    with site_on(database) as site:
        add_user(site)
        yield serve(make_app(site))


def dead(db: Connection, connector: int) -> None:
    """A delivery that went dead just now."""
    event = insert_event(db)
    insert_delivery(db, event, connector)
    insert_attempt(db, event, connector, outcome="http_error", settled="dead")


def test_the_dashboard_is_renewed_while_one_looks_and_walked_by_keyboard(
    browser_page: Page, url: str, db: Connection
) -> None:
    """The verdict follows what happens without a reload; a row is one tab stop, arrows lead on, Enter to deliveries."""
    sign_in(browser_page, url, "ada")
    verdict = browser_page.get_by_role("status").first
    expect(verdict).to_contain_text("2 deliveries went dead within 24 h")
    dead(db, 1)
    expect(verdict).to_contain_text("3 deliveries went dead within 24 h", timeout=20_000)

    squares = browser_page.locator("table.grid td a")
    assert squares.count() == 12
    assert browser_page.locator("table.grid td a[tabindex='0']").count() == 2
    browser_page.get_by_role("link", name="crm").last.focus()
    browser_page.keyboard.press("Tab")
    expect(squares.nth(5)).to_be_focused()
    browser_page.keyboard.press("ArrowLeft")
    browser_page.keyboard.press("ArrowDown")
    expect(squares.nth(10)).to_be_focused()
    expect(squares.nth(10)).to_have_attribute("title", re.compile("40 delivered"))
    browser_page.keyboard.press("Enter")
    browser_page.wait_for_url(re.compile(r"/deliveries\?connector=erp&business_unit=bu1&since=.*until="))


def test_the_dashboard_is_well_in_light_dark_and_on_a_phone(url: str, make_page: Callable[..., Page]) -> None:
    """Axe finds nothing, values unfolded too; the grid scrolls in its own box, and its newest column is in sight."""
    for options in ({}, {"dark": True}, {"phone": True}):
        page = make_page(**options)
        sign_in(page, url, "ada")
        for summary in page.locator("figure summary").all():
            summary.click()
        check_accessibility(page)
        check_width(page)
        hidden = page.locator(".grid-box").evaluate("box => box.scrollWidth - box.clientWidth - box.scrollLeft")
        assert hidden <= 1
        page.context.close()
