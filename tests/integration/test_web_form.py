"""The configuration page, without a browser: what it shows, saves and refuses, and that nothing typed is lost."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.testclient import TestClient

from outbox.connector import ConnectorSpec
from outbox.connector_change import changes
from outbox.connector_edits import create_connector, edit_connector
from outbox.model import Trigger
from outbox.web.site import Site
from tests.conftest import Database
from tests.factories import connect
from tests.forms import BOB, EXAMPLE, NEW, clear, edit_url, form_of, found, made, send, told, typed
from tests.specs import SIGNING, specs
from tests.submitted import changed
from tests.web import signed_in, site_on


@pytest.fixture(scope="module")
def shared_site(shared_source: Database) -> Iterator[Site]:
    """The dashboard of the small contract application."""
    with site_on(shared_source) as made:
        yield made


@pytest.fixture(scope="module")
def ada(shared_site: Site) -> Iterator[TestClient]:
    """An admin of everything."""
    with signed_in(shared_site) as client:
        yield client


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The dashboard, with no connector."""
    clear(shared_site)
    return shared_site


def test_the_way_leads_from_configurations_to_the_form(ada: TestClient) -> None:
    """Configurations, Create New Connector, Reporting, Webhook, Next."""
    assert 'href="/configurations/connectors/new"' in ada.get("/configurations").text
    assert 'href="/configurations/connectors/new/reporting"' in ada.get("/configurations/connectors/new").text
    assert 'value="webhook"' in ada.get("/configurations/connectors/new/reporting").text
    assert ada.get("/configurations/connectors/new/reporting", params={"type": "webhook"}).headers["location"] == NEW
    assert "Choose one of them." in ada.get("/configurations/connectors/new/reporting", params={"type": "x"}).text


def test_the_source_document_example_becomes_a_connector(site: Site, ada: TestClient) -> None:
    """Its fields as they stand; the name is proposed; it goes on to the connector's page, and is on record."""
    answer = typed(ada, **EXAMPLE)

    standing = found(site, "Provider BU to example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/configurations/connectors/{standing.id}")
    one = standing.spec
    assert one.business_units == ("1",)
    assert one.triggers == (Trigger.CREATE, Trigger.UPDATE, Trigger.SEND)
    assert (one.url, one.content_type, one.data) == ("https://example.com/webhook", "application/json", "everything")
    assert one.secret == SecretStr("your_secret_key")
    assert one.ssl_verification is True
    assert standing.enabled
    assert (standing.changed_by, standing.changed_origin) == ("ada", "page")


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(site: Site, ada: TestClient) -> None:
    """Not the secrets either, though no page holds them: mended, the form saves what was typed at first."""
    rows = {"mapping_field": ["amount", "title"], "mapping_property": ["id", "Deal"], "company_fields": ["vat", ""]}
    rows |= {"header_name": ["X-Api-Key"], "header_value": ["hush-header"], "header_sealed": [""]}
    page = typed(ada, **EXAMPLE | rows | {"url": "ftp://x/", "triggers": None, "timeout_seconds": "soon"})

    assert page.status_code == 422
    assert "4 fields to mend" in page.text
    assert "begins with https://" in told(page, "url")
    assert "at least one of create" in told(page, "triggers")
    assert "'soon'" in told(page, "timeout_seconds")
    assert "touches 'id'" in told(page, "field_mapping")
    assert "your_secret_key" not in page.text
    assert "hush" not in page.text
    mended = changed(form_of(page), url="https://b.example/", triggers="send", timeout_seconds="5s")
    assert ("mapping_field", "title") in mended
    assert send(ada, NEW, changed(mended, mapping_property=["Value", "Deal"])).status_code == 303
    one = found(site, "Provider BU to b.example").spec
    assert one.secret == SecretStr("your_secret_key")
    assert one.headers == {"X-Api-Key": SecretStr("hush-header")}
    assert [line.property for line in one.field_mapping] == ["Value", "Deal"]
    assert one.company_fields == ("vat",)


def test_a_sealed_secret_opens_in_its_session_alone(site: Site, ada: TestClient) -> None:
    """Another's page, or another field's seal, is no secret: it is asked for again."""
    page = typed(ada, **EXAMPLE | {"url": ""})
    sealed = dict(form_of(page))["secret_sealed"]
    with signed_in(site, "eve") as eve:
        stolen = typed(eve, **EXAMPLE | {"secret": "", "secret_sealed": sealed})
    moved = typed(ada, **EXAMPLE | {"secret": "", "signing_secret_sealed": sealed})

    assert "no longer at hand" in told(stolen, "secret")
    assert "no longer at hand" in told(moved, "signing_secret")


units = st.sampled_from([["1"], ["2", "3"], ["*"], ["still-to-come"]])


@given(asked=specs(units))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_form_that_nobody_touched_changes_nothing(site: Site, ada: TestClient, asked: ConnectorSpec) -> None:
    """Through the page's own HTML, for any connector; and no secret of it is in the page."""
    clear(site)
    with site.writing() as connection:
        create_connector(connection, asked, box=site.box, author=BOB)
    standing = found(site, asked.name)
    page = ada.get(edit_url(standing))

    answer = send(ada, edit_url(standing), form_of(page))

    assert answer.status_code == 303, page.text
    again = found(site, asked.name)
    assert again.version == 1
    assert changes(standing.spec, again.spec) == ()
    if asked.signing_secret is not None:
        assert SIGNING not in page.text


def test_a_secret_is_kept_replaced_and_removed(site: Site, ada: TestClient) -> None:
    """Each by its choice; the page never has what stands."""
    url = edit_url(made(site, secret="hush-1"))

    page = ada.get(url)
    assert "hush-1" not in page.text
    typed(ada, at=url, max_in_flight="4")
    assert found(site, "crm").spec.secret == SecretStr("hush-1")
    typed(ada, at=url, secret_choice="replace", secret="hush-2")
    assert found(site, "crm").spec.secret == SecretStr("hush-2")
    assert "type it, or keep the one" in told(typed(ada, at=url, secret_choice="replace", secret=""), "secret")
    typed(ada, at=url, secret_choice="remove")
    assert found(site, "crm").spec.secret is None


def test_a_signing_secret_is_made_shown_once_and_rotated(site: Site, ada: TestClient) -> None:
    """The old one signs beside it until it is dropped."""
    url = edit_url(made(site, signing_secret=SIGNING))
    page = typed(ada, "signing.make", url)
    shown = re.search(r'<code id="made">(whsec_[^<]+)</code>', page.text)
    assert shown is not None
    again = send(ada, url, form_of(page), "preview")

    assert unescape(shown[1]) not in unescape(again.text)
    send(ada, url, form_of(again))
    rotated = found(site, "crm")
    assert rotated.spec.signing_secret == SecretStr(unescape(shown[1]))
    assert rotated.old_signing_secret == SecretStr(SIGNING)
    typed(ada, at=url, drop_old_signing_secret="yes")
    assert found(site, "crm").old_signing_secret is None


def test_verification_is_off_only_for_who_says_so(site: Site, ada: TestClient) -> None:
    """A warning to confirm; afterwards a badge, and no further question."""
    refused = typed(ada, **EXAMPLE | {"ssl_verification": "disable"})
    assert "expected your word" in told(refused, "ssl_verification")

    assert send(ada, NEW, changed(form_of(refused), ssl_confirmed="yes")).status_code == 303
    standing = found(site, "Provider BU to example.com")
    assert standing.spec.ssl_verification is False
    assert "SSL verification off" in ada.get(edit_url(standing)).text


def test_rows_and_json_work_without_script(ada: TestClient) -> None:
    """Each button sends the form, which comes back with its rows changed and all else as it was."""
    page = typed(ada, "field_mapping.add", **EXAMPLE)
    page = send(ada, NEW, changed(form_of(page), mapping_json='{"amount": "Deal", "title": "Name"}'), "mapping.read")
    page = send(ada, NEW, form_of(page), "field_mapping.up.1")

    pairs = form_of(page)
    assert [value for name, value in pairs if name == "mapping_field"] == ["title", "amount"]
    assert ("url", "https://example.com/webhook") in pairs
    assert '{"field": "title", "property": "Name"}' in unescape(page.text)
    page = send(ada, NEW, changed(pairs, mapping_json="[5"), "mapping.read")
    assert "expected a JSON array" in told(page, "mapping_json")
    assert dict(form_of(page))["mapping_json"] == "[5"


def test_a_taken_name_is_a_fault_of_the_name(site: Site, ada: TestClient) -> None:
    """For a new connector and for one that stands."""
    other = made(site, name="other")
    made(site)

    assert "which a connector has" in told(typed(ada, **EXAMPLE | {"name": "crm"}), "name")
    assert "which another connector has" in told(typed(ada, at=edit_url(other), name="crm"), "name")


def test_an_unknown_business_unit_is_taken_when_it_is_to_come(site: Site, ada: TestClient) -> None:
    """Not by mistake: a box says so."""
    refused = typed(ada, **EXAMPLE | {"business_units": ["7-new"]})
    assert "tick the box under the list" in told(refused, "business_units")

    assert send(ada, NEW, changed(form_of(refused), unknown_units="yes", name="x")).status_code == 303
    assert found(site, "x").spec.business_units == ("7-new",)


@pytest.mark.usefixtures("site")
def test_warnings_are_told_and_forbid_nothing(ada: TestClient) -> None:
    """Before saving beside the form, afterwards on the connector's page."""
    values = EXAMPLE | {"triggers": "review", "mapping_field": "amuont", "mapping_property": "Deal"}
    before = typed(ada, "preview", **values)

    assert "no rule of the source mapping captures" in before.text
    assert "did you mean &#39;amount&#39;?" in before.text
    assert send(ada, NEW, form_of(before)).status_code == 303


def test_a_copy_has_all_but_the_secrets(site: Site, ada: TestClient) -> None:
    """And says so; it is a connector of its own once it is saved."""
    standing = made(site, secret="hush-1", headers={"X-Api-Key": "hush-2", "X-Team": "a"}, max_in_flight=3)
    page = ada.get(f"/configurations/connectors/{standing.id}/copy")

    assert "A copy of crm, not saved yet. Its secrets did not come with it" in page.text
    assert "hush" not in page.text
    refused = send(ada, NEW, form_of(page))
    assert "'X-Api-Key': expected a value, got none" in told(refused, "headers")
    send(ada, NEW, changed(form_of(refused), header_value=["a", "new"]))
    copy = found(site, "Provider BU to crm.example").spec
    assert (copy.secret, copy.max_in_flight, copy.headers["X-Team"]) == (None, 3, "a")


def test_a_connector_can_begin_disabled(site: Site, ada: TestClient) -> None:
    """What it would get waits."""
    typed(ada, **EXAMPLE | {"disabled": "yes", "name": "later"})

    assert found(site, "later").disabled_reason == "ada created it disabled"


def test_the_second_of_two_editors_is_told_and_loses_nothing(site: Site, ada: TestClient) -> None:
    """What ada left alone is bob's now; what both changed is hers until she takes his; bob's change is not undone."""
    standing = made(site)
    page = ada.get(edit_url(standing))
    with site.writing() as connection:
        bobs = standing.spec.model_copy(update={"url": "https://bob.example/", "timeout_seconds": 20.0})
        edit_connector(connection, standing, bobs, box=site.box, author=BOB)

    mine = changed(form_of(page), url="https://ada.example/", company_fields="vat", secret="hush")
    told_of = send(ada, edit_url(standing), mine)

    assert told_of.status_code == 409
    assert "Changed by somebody else while you edited it" in told_of.text
    assert "Version 2, by bob (edit, page)" in told_of.text
    assert found(site, "crm").version == 2
    pairs = form_of(told_of)
    assert ("url", "https://ada.example/") in pairs
    assert ("timeout_seconds", "20s") in pairs
    assert ("take.url", "form") in pairs
    taken = changed(pairs, **{"take.url": "theirs", "take.timeout_seconds": "read"})
    assert send(ada, edit_url(standing), taken).status_code == 303
    saved = found(site, "crm")
    assert (saved.version, saved.spec.url, saved.spec.timeout_seconds) == (3, "https://bob.example/", 15.0)
    assert saved.spec.company_fields == ("vat",)
    assert saved.spec.secret == SecretStr("hush")


def test_who_saves_over_on_purpose_does(site: Site, ada: TestClient) -> None:
    """The form as it stands, after one was told."""
    standing = made(site)
    page = ada.get(edit_url(standing))
    with site.writing() as connection:
        bobs = standing.spec.model_copy(update={"url": "https://bob.example/"})
        edit_connector(connection, standing, bobs, box=site.box, author=BOB)
    told_of = send(ada, edit_url(standing), changed(form_of(page), url="https://ada.example/"))

    assert send(ada, edit_url(standing), form_of(told_of)).status_code == 303
    assert found(site, "crm").spec.url == "https://ada.example/"


def test_a_switch_meanwhile_is_no_conflict(site: Site, ada: TestClient) -> None:
    """Enabling and disabling is not among the form's fields, so it stays as it is."""
    standing = made(site)
    page = ada.get(edit_url(standing))
    with site.writing() as connection:
        off = standing.spec.model_copy(update={"enabled": False})
        edit_connector(connection, standing, off, box=site.box, author=BOB)

    assert send(ada, edit_url(standing), changed(form_of(page), max_in_flight="2")).status_code == 303
    saved = found(site, "crm")
    assert (saved.enabled, saved.spec.max_in_flight) == (False, 2)


def test_many_business_units_are_searched_and_the_page_stays_small(ada: TestClient, shared_source: Database) -> None:
    """A hundred in the list at once; what is chosen stays whatever is searched for."""
    with connect(shared_source) as sql:
        sql.execute("INSERT INTO business_unit SELECT g, 'Unit ' || g FROM generate_series(100, 2099) AS g")
    page = ada.get(NEW)

    assert len(page.content) < 100_000
    assert "1,903 more" in page.text
    shown = typed(ada, "units.find", business_units="1", words="unit 2099")
    assert [value for name, value in form_of(shown) if name == "business_units" and value] == ["1"]
    assert 'value="2099"' in shown.text
    assert 'value="100"' not in shown.text
