"""The whole way: from the Dashboard to a connector typed as the source document has it, to reports that arrived."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from outbox.access import Role
from outbox.people import add_person
from tests.browser import PATIENCE_MS, check_accessibility, sign_in
from tests.conftest import Database
from tests.contract_application import install_application
from tests.daemons import ends_well
from tests.factories import Connection, connect
from tests.program import program
from tests.receiver import Receiver, receiver
from tests.relays import wait_for
from tests.served import free_port, serving_command
from tests.web import PASSWORD

SECRET = "your_secret_key"
UPDATE = "UPDATE public.contract SET amount = 1300.00, status = 'sent' WHERE id = 'C-4711'"


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """The contract application's connection; nothing in it knows of an outbox."""
    install_application(database.server, database.name)
    with connect(database) as connection:
        yield connection


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """The customer's system."""
    with receiver() as running:
        yield running


def create_connector(page: Page, receiver_url: str) -> None:
    """From Dashboard by Configurations, Connectors, Create New Connector, Reporting and Webhook, as a person would."""
    navigation = page.get_by_role("navigation", name="Main")
    navigation.get_by_role("link", name="Configurations").click()
    page.get_by_role("main").get_by_role("link", name="Connectors").click()
    page.get_by_role("link", name="Create New Connector").first.click()
    page.get_by_role("link", name="Reporting").click()
    page.get_by_label("Webhook").check()
    page.get_by_role("button", name="Next").click()

    page.get_by_label("Provider BU").check()
    for trigger in ("Create", "Update", "Send"):
        page.get_by_label(f"{trigger} when the transaction").check()
    page.get_by_label("Payload URL").fill(receiver_url)
    page.get_by_label("Content-Type").select_option("application/json")
    page.get_by_label("Secret", exact=True).fill(SECRET)
    page.get_by_label("Enable SSL verification").check()
    page.get_by_label("Send me everything").check()
    page.get_by_role("button", name="Create connector").click()
    page.wait_for_url("**/configurations/connectors/*")


def change_a_contract(sql: Connection) -> None:
    """What the application does, in transactions of its own: made, changed, sent; and one that is another unit's."""
    insert = "INSERT INTO public.contract (id, business_unit_id, company_id, title, amount) VALUES (%s, %s, %s, %s, %s)"
    sql.execute(insert, ["C-4711", 1, 7, "Framework <agreement>", 1200.5])
    sql.execute(insert, ["C-4712", 2, None, "Nobody's", 1])
    sql.execute(UPDATE)
    sql.execute("INSERT INTO public.contract_email (contract_id) VALUES ('C-4711')")


def test_a_connector_typed_by_a_person_brings_reports_to_a_receiver(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path, browser_page: Page
) -> None:
    """One daemon with its dashboard, one receiver, one person: create, update and send arrive, in order and signed."""
    expect.set_options(timeout=PATIENCE_MS)
    with database.engine.begin() as connection:
        add_person(connection, name="ada", role=Role.ADMIN, within=None, password=PASSWORD, created_by="a test")
    port = free_port()
    outbox = program(tmp_path, database.url, WEB_PORT=str(port))
    page, url = browser_page, f"http://127.0.0.1:{port}"
    with serving_command(outbox, port, "run", "--web") as process:
        sign_in(page, url, "ada")
        create_connector(page, f"{crm.url}/webhook")
        change_a_contract(sql)
        wait_for(lambda: len(crm.received) == 3)

        reports = [json.loads(got.body) for got in crm.received]
        assert [one["trigger"] for one in reports] == ["create", "update", "send"]
        assert {one["contract_id"] for one in reports} == {"C-4711"}
        assert reports[1]["changed"]["amount"] == {"old": 1200.5, "new": 1300.0}
        expected = f"Basic {base64.b64encode(f'webhook:{SECRET}'.encode()).decode()}"
        assert {got.headers["authorization"] for got in crm.received} == {expected}
        assert {(got.path, got.headers["content-type"]) for got in crm.received} == {("/webhook", "application/json")}

        page.goto(f"{url}/deliveries?contract=C-4711")
        expect(page.get_by_role("main")).to_contain_text("delivered")
        page.get_by_role("main").locator(f"a[href^='/deliveries/{reports[1]['id']}/']").first.click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("HTTP 200")
        expect(main).to_contain_text("Framework <agreement>")
        expect(main).not_to_contain_text(SECRET)
        check_accessibility(page)
        page.goto("about:blank")  # nothing of it looks again while the server ends
        ends_well(process, seconds=15)
