"""The configuration page in a browser: the source document's example, the mapping editor, two at one connector."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from outbox.connector_edits import edit_connector
from outbox.model import Trigger
from outbox.web.app import make_app
from outbox.web.site import Site
from tests.browser import PATIENCE_MS, Serve, check_accessibility, check_width
from tests.conftest import Database
from tests.connectors import recorded
from tests.contract_application import install_application
from tests.factories import connect
from tests.forms import BOB, NEW, edit_url, found, made
from tests.postgres import Server
from tests.receiver import receiver
from tests.web import PASSWORD, add_user, site_on


@pytest.fixture
def site(server: Server, database: Database) -> Iterator[Site]:
    """The dashboard of the small contract application, with one real event."""
    install_application(server, database.name)
    with connect(database) as sql:
        recorded(sql, "k1", "send", document={"title": "First", "amount": 12, "company": "7"})
    with site_on(database) as made:
        add_user(made)
        yield made


@pytest.fixture
def open_signed_in(site: Site, serve: Serve) -> Callable[[Page, str], None]:
    """Signs ada in and opens a page of the dashboard."""
    base = serve(make_app(site))
    expect.set_options(timeout=PATIENCE_MS)

    def open_(page: Page, path: str) -> None:
        page.goto(f"{base}/sign-in?next={path}")
        page.get_by_label("User").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{base}{path}")

    return open_


def test_the_source_document_example_is_typed_and_becomes_a_connector(
    site: Site, browser_page: Page, open_signed_in: Callable[[Page, str], None]
) -> None:
    """From Configurations by Create New Connector, Reporting, Webhook and Next, to the page and its every field."""
    page = browser_page
    open_signed_in(page, "/configurations")
    page.get_by_role("link", name="Create New Connector").click()
    page.get_by_role("link", name="Reporting").click()
    page.get_by_label("Webhook").check()
    page.get_by_role("button", name="Next").click()
    page.wait_for_url(f"**{NEW}")
    check_accessibility(page)

    page.get_by_label("Search business units").fill("provider")
    expect(page.get_by_label("Retail")).to_have_count(0)
    page.get_by_label("Provider BU").check()
    for trigger in ("Create", "Update", "Send"):
        page.get_by_label(f"{trigger} when the transaction").check()
    page.get_by_label("Payload URL").fill("https://example.com/webhook")
    page.get_by_label("Content-Type").select_option("application/json")
    page.get_by_label("Secret", exact=True).fill("your_secret_key")
    page.get_by_label("Enable SSL verification").check()
    page.get_by_label("Send me everything").check()
    expect(page.locator("#preview-of")).to_contain_text("send of contract k1")
    expect(page.locator("#preview-headers")).to_contain_text("Authorization: [redacted]")
    expect(page.locator("#preview .request-line")).to_contain_text("POST https://example.com/webhook")
    page.get_by_role("button", name="Create connector").click()
    page.wait_for_url("**/configurations/connectors/*")

    one = found(site, "Provider BU to example.com").spec
    assert one.business_units == ("1",)
    assert one.triggers == (Trigger.CREATE, Trigger.UPDATE, Trigger.SEND)
    assert (one.url, one.content_type, one.data) == ("https://example.com/webhook", "application/json", "everything")
    assert (one.secret, one.ssl_verification) == (SecretStr("your_secret_key"), True)


def test_the_mapping_is_edited_by_keyboard_and_json_beside_a_live_preview(
    site: Site, phone_page: Page, open_signed_in: Callable[[Page, str], None]
) -> None:
    """Lines come, move and go without a reload; what is typed is previewed, tested by the real sender, and saved."""
    page = phone_page
    with receiver() as crm:
        standing = made(site, url=f"{crm.url}/x", triggers=["send"])
        open_signed_in(page, edit_url(standing))
        check_width(page)
        page.get_by_role("button", name="Add a line").click()
        page.get_by_label("Field of line 1").fill("amount")
        page.get_by_label("Property of line 1").fill("deal.value")
        page.get_by_role("button", name="Add a line").click()
        page.get_by_label("Field of line 2").fill("title")
        page.get_by_label("Property of line 2").fill("Name")
        page.get_by_label("Property of line 2").press("Alt+ArrowUp")
        expect(page.get_by_label("Property of line 1")).to_be_focused()
        expect(page.locator("#preview-body")).to_contain_text('"Name": "First"')
        page.get_by_text("As JSON: show, or paste").click()
        written = page.get_by_label("Field mapping as JSON")
        expect(written).not_to_have_value("[]")
        assert [line["field"] for line in json.loads(written.input_value())] == ["title", "amount"]
        check_accessibility(page)
        page.get_by_role("button", name="Send test").click()
        expect(page.locator("#answer")).to_contain_text("HTTP 200")
        assert json.loads(crm.received[0].body)["deal"] == {"value": 12}
        page.get_by_role("button", name="Remove this line").first.click()
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url(f"**/configurations/connectors/{standing.id}")

    [line] = found(site, "crm").spec.field_mapping
    assert (line.field, line.property) == ("amount", "deal.value")


def test_two_people_at_one_connector_lose_nothing(
    site: Site, dark_page: Page, open_signed_in: Callable[[Page, str], None]
) -> None:
    """The second is told who changed what, keeps what was typed, and takes the other's where that is better."""
    page, standing = dark_page, made(site)
    open_signed_in(page, edit_url(standing))
    page.get_by_label("Payload URL").fill("https://ada.example/")
    page.get_by_label("Only Update Status").check()
    with site.writing() as connection:
        bobs = standing.spec.model_copy(update={"url": "https://bob.example/", "max_in_flight": 2})
        edit_connector(connection, standing, bobs, box=site.box, author=BOB)
    page.get_by_role("button", name="Save", exact=True).click()

    told = page.get_by_role("alert")
    expect(told).to_contain_text("Version 2, by bob")
    expect(page.get_by_label("Payload URL")).to_have_value("https://ada.example/")
    check_accessibility(page)
    told.get_by_label("theirs").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"**/configurations/connectors/{standing.id}")
    saved = found(site, "crm").spec
    assert (saved.url, saved.data, saved.max_in_flight) == ("https://bob.example/", "status", 2)
