"""Deliveries as a person sees them: found, looked into, replayed, in light and dark and on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from outbox.web.app import make_app
from tests.browser import Serve, check_accessibility, check_width, sign_in
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_open,
)
from tests.web import add_user, site_on

SENT = {"webhook-id": "dlv_1_1", "Content-Type": "application/json", "Authorization": "[redacted]"}
TIMES = {"dns": 4.2, "connect": 11.0, "tls": 24.5, "first_byte": 96.0, "total": 104.5}


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


def arrange(sql: Connection, *, dead: int = 3) -> tuple[int, int]:
    """Three reports that are dead, two that wait, one taken at the second try; event and connector of that one."""
    crm = insert_connector(sql, "Provider reporting")
    for number in range(dead):
        event = insert_event(sql, f"contract {number}")
        insert_delivery(sql, event, crm)
        gone: dict[str, Any] = {
            "status_code": 503,
            "error": "HTTP 503 Service Unavailable: the receiver is being mended",
        }
        insert_attempt(sql, event, crm, outcome="http_error", settled="dead", **gone)
    insert_open(sql, crm, "contract x", due_in=600)
    insert_open(sql, crm, "contract x", ready=False)
    event = insert_event(sql, "contract y", "create", status="draft")
    insert_decision(sql, event, "deliver", connector_id=crm)
    body = b'{"id":7,"trigger":"create","contract_id":"contract y","contract":{"amount":12.50,"title":"Lease"}}'
    insert_delivery(sql, event, crm, body=body)
    row = sql.execute("SELECT now() + interval '4 seconds', now() + interval '12 seconds'").fetchone()
    assert row is not None
    refused = {"outcome": "http_error", "status_code": 503, "error": "HTTP 503", "timings": {"total": 30.0}}
    insert_attempt(sql, event, crm, 1, started_at=row[0], **refused)
    answer = {"response_headers": {"content-type": "text/html"}, "response_body": b"<script>alert(1)</script> thanks"}
    insert_attempt(sql, event, crm, 2, started_at=row[1], timings=TIMES, request_headers=SENT, **answer)
    return event, crm


def test_dead_ones_are_found_and_replayed_together(url: str, sql: Connection, browser_page: Page) -> None:
    """By filters in the page, counted first; then the list shows them waiting."""
    arrange(sql)
    page = browser_page
    sign_in(page, url, "ada", going_on="/deliveries")
    check_accessibility(page)
    page.get_by_label("State", exact=True).select_option("dead")
    page.get_by_label("Contract").press("Enter")
    expect(page).to_have_url(f"{url}/deliveries?state=dead")
    expect(page.get_by_role("row")).to_have_count(4)

    page.get_by_role("button", name="Replay all found").click()
    expect(page.get_by_text("3 deliveries are found")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Replay 3 deliveries").click()
    expect(page.get_by_role("status")).to_have_text("3 deliveries replayed.")
    page.get_by_role("link", name="To the deliveries").click()
    expect(page.get_by_text("replay", exact=True)).to_have_count(3)


def test_one_delivery_is_looked_into(url: str, sql: Connection, dark_page: Page, phone_page: Page) -> None:
    """Its way, what was sent and got (a script in the answer stays text), and a replay that shows at once."""
    event, crm = arrange(sql, dead=1)
    for page in (dark_page, phone_page):
        sign_in(page, url, "ada", going_on="/deliveries")
        check_width(page)
        check_accessibility(page)
        page.goto(f"{url}/deliveries/{event}/{crm}")
        expect(page.get_by_role("img", name="waiting for the first byte")).to_be_visible()
        expect(page.get_by_text("<script>alert(1)</script> thanks")).to_be_visible()
        page.get_by_text("As curl command").click()
        check_width(page)
        check_accessibility(page)
    page.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    expect(page.get_by_role("status")).to_have_text("The delivery is due again.")
    sql.execute("DELETE FROM outbox.queue WHERE event_id = %s", (event,))
    insert_attempt(sql, event, crm, 3, kind="replay")
    expect(page.get_by_role("list", name="From commit to answer")).to_contain_text("Attempt 3", timeout=15_000)
