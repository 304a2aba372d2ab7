"""A contract's story, what went to nobody and what expires, as a person sees them: in the dark, on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from outbox.web.app import make_app
from tests.browser import Serve, check_accessibility, check_width
from tests.conftest import Database
from tests.factories import (
    connect,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    rewrite,
)
from tests.web import PASSWORD, add_user, site_on

MARKUP = "<script>alert(1)</script>/a b"


def _fill(database: Database) -> None:
    """A contract with an odd id: delivered, dead with an answer of markup, and an event that nobody got."""
    with connect(database) as db:
        crm = insert_connector(db, "crm")
        for outcome in ("ok", "http_error"):
            event = insert_event(db, MARKUP, changed={"title": [MARKUP, "x"]}, document={"title": MARKUP})
            insert_decision(db, event, "deliver", connector_id=crm)
            insert_delivery(db, event, crm)
            settled = "delivered" if outcome == "ok" else "dead"
            insert_attempt(
                db, event, crm, outcome=outcome, settled=settled, error=MARKUP if settled == "dead" else None
            )
        insert_decision(db, insert_event(db, "k2", "review", business_unit="nowhere"), "no_connector")
        rewrite(db, "UPDATE outbox.event SET occurred_at = occurred_at - interval '1 day' WHERE contract_id = 'k2'")


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, True)], ids=["light desk", "dark phone"])
def test_a_person_goes_from_search_to_document_and_to_what_was_not_sent(
    database: Database, serve: Serve, make_page: Callable[..., Page], *, dark: bool, phone: bool
) -> None:
    """Every step is accessible and fits the window; markup in an id, a value or an answer stays text."""
    _fill(database)
    page = make_page(dark=dark, phone=phone)
    with site_on(database) as site:
        add_user(site)
        page.goto(f"{serve(make_app(site))}/sign-in?next=/contracts")
        page.get_by_label("User").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Contract").fill("<script>")
        page.get_by_role("button", name="Search").click()
        _well(page)
        page.get_by_role("link", name=MARKUP).click()
        _well(page)
        assert page.locator("h1").inner_text() == f"Contract {MARKUP}"
        assert page.locator(".error-words").inner_text() == MARKUP
        page.get_by_role("link", name="Show the document").first.click()
        _well(page)
        assert MARKUP in page.locator("#document").inner_text()
        for path in ("/not-sent", "/expiry", "/not-sent/backfill?connector=crm"):
            page.goto(page.url.partition("/contracts")[0].partition("/not-sent")[0].partition("/expiry")[0] + path)
            _well(page)
    assert page.get_by_role("heading", name="0 events are missing at crm").is_visible()


def _well(page: Page) -> None:
    check_accessibility(page)
    check_width(page)
