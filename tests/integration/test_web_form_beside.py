"""Beside the form: the preview and the test; and what somebody sees there who is limited to some business units."""

import json
import re
from collections.abc import Iterator
from html import unescape

import pytest
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.web.site import Site
from tests.conftest import Database
from tests.connectors import recorded
from tests.factories import Connection, connect
from tests.forms import EXAMPLE, NEW, clear, edit_url, form_of, found, made, send, told, typed
from tests.receiver import Answer, Receiver, receiver
from tests.submitted import changed
from tests.web import signed_in, site_on

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def shared_site(shared_source: Database) -> Iterator[Site]:
    """The dashboard; two events of unit 1, then two of unit 2."""
    with connect(shared_source) as sql:
        recorded(
            sql,
            "k1",
            "create",
            changed={"amount": [1, 2]},
            document={"title": "One", "amount": 12, "buyer": {"name": SCRIPT}},
        )
        recorded(sql, "k2", "send", document={"title": "Two", "company": "7"})
        recorded(sql, "b1", "send", business_unit="2", document={"title": "Hush of B", "hush_b": 1})
        recorded(sql, "b2", "create", business_unit="2", document={"title": "Hush of B"})
        sql.execute("INSERT INTO company VALUES (8, 2, 'B Corp', 'XX', '{\"hush_field\": 1}')")
    with site_on(shared_source) as made:
        yield made


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The dashboard, with no connector."""
    clear(shared_site)
    return shared_site


@pytest.fixture(scope="module")
def ada(shared_site: Site) -> Iterator[TestClient]:
    """An admin of everything."""
    with signed_in(shared_site) as client:
        yield client


@pytest.fixture(scope="module")
def amy(shared_site: Site) -> Iterator[TestClient]:
    """An admin limited to unit 1."""
    with signed_in(shared_site, "amy", Role.ADMIN, ("1",)) as client:
        yield client


@pytest.fixture
def sql(shared_source: Database) -> Iterator[Connection]:
    """A plain connection to the database."""
    with connect(shared_source) as connection:
        yield connection


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver that answers with a script."""
    with receiver() as running:
        running.answer = lambda got: Answer(status=200, body=f"{SCRIPT} {got.headers.get('authorization')}".encode())
        yield running


def preview(client: TestClient, at: str = NEW, **values: object) -> str:
    """The preview's part for a form with these values, as text."""
    pairs = changed(form_of(client.get(at)), **values)  # type: ignore[arg-type]
    answer = send(client, f"{at}/preview", pairs)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def body_of(part: str) -> dict[str, object]:
    """The previewed body."""
    shown = re.search(r'<pre id="preview-body"[^>]*>(.*?)</pre>', part, re.DOTALL)
    assert shown is not None
    read: dict[str, object] = json.loads(shown[1])
    return read


def counts(sql: Connection) -> tuple[object, ...] | None:
    """How many rows there are of what a preview might write, and the last event id that was given out."""
    return sql.execute(
        "SELECT (SELECT count(*) FROM outbox.delivery), (SELECT count(*) FROM outbox.attempt),"
        " (SELECT count(*) FROM outbox.connector_version), (SELECT last_value FROM outbox.event_id)"
    ).fetchone()


def records(sql: Connection, act: str) -> list[tuple[object, ...]]:
    """What was put on record of that act: who, what, whose, details."""
    asked = "SELECT who, object, business_units, detail FROM outbox.access_record WHERE act = %s ORDER BY id"
    return sql.execute(asked, (act,)).fetchall()


def test_the_preview_is_the_request_of_a_real_event(ada: TestClient) -> None:
    """Of the newest one that the chosen units and triggers have; secrets redacted, everything as text."""
    part = preview(
        ada, **EXAMPLE | {"mapping_field": "title", "mapping_property": "Deal.Name", "company_fields": "vat"}
    )

    assert "send of contract k2" in part
    assert "POST</strong> https://example.com/webhook" in part
    assert "Authorization: [redacted]" in part
    report = body_of(part)
    assert (report["contract_id"], report["Deal"]) == ("k2", {"Name": "Two"})
    assert report["company"] == {"id": "7", "name": "ACME", "vat": "DE123"}


def test_which_event_is_previewed_can_be_chosen(ada: TestClient) -> None:
    """By its trigger, or one of the recent ones; what a receiver will get is escaped in our page."""
    part = preview(ada, **EXAMPLE | {"chosen": "trigger:create"})
    assert body_of(part)["contract_id"] == "k1"
    event = re.search(r'value="(event:\d+)">create of k1', part)
    assert event is not None
    pairs = changed(form_of(ada.get(NEW)), **EXAMPLE | {"chosen": event[1]})
    assert SCRIPT not in send(ada, f"{NEW}/preview", pairs).text
    assert body_of(preview(ada, **EXAMPLE | {"chosen": "trigger:update"}))["contract_id"] == "sample"


def test_the_preview_shows_what_can_be_built_of_a_form_with_faults(ada: TestClient) -> None:
    """What is missing and what is wrong is said, and left out."""
    part = preview(ada, business_units="1", url="ftp://x", mapping_field="title", mapping_property="id", schedule="x")

    assert "Still missing: Triggers." in part
    assert "begins with https://" in part
    assert "touches 'id'" in part
    assert body_of(part)["contract_id"] == "k2"
    assert "(the Payload URL)" in part


def test_a_form_is_previewed_as_one_field_a_line(ada: TestClient) -> None:
    """And exactly as sent beside it."""
    part = preview(ada, **EXAMPLE | {"content_type": "application/x-www-form-urlencoded"})

    assert "contract[title] = Two" in part
    assert "contract%5Btitle%5D=Two" in part


def test_a_preview_writes_nothing_but_who_looked_and_that_once(site: Site, ada: TestClient, sql: Connection) -> None:
    """No delivery, no event id; the look at a contract's content is on record, once while it stays the same."""
    url, before, looks = edit_url(made(site)), counts(sql), len(records(sql, "looked"))
    page = ada.get(url)
    for amount in "123":
        send(ada, f"{url}/preview", changed(form_of(page), max_in_flight=amount, triggers="create"))
    shown = send(ada, f"{url}/preview", changed(form_of(page), triggers="create"))
    looked = re.search(r'name="looked" value="([^"]+)"', shown.text)
    assert looked is not None
    before_again = len(records(sql, "looked"))
    send(ada, f"{url}/preview", changed(form_of(page), triggers="create", looked=looked[1]))

    assert counts(sql) == before
    new = records(sql, "looked")[looks:]
    assert len(records(sql, "looked")) == before_again
    assert {(row[0], tuple(row[2])) for row in new} == {("ada", ("1",))}  # type: ignore[arg-type]


def test_a_test_of_what_is_not_saved_is_in_the_record_alone(ada: TestClient, crm: Receiver, sql: Connection) -> None:
    """Sent by the real sender with what was typed; the answer is text, and without the secret that it echoed."""
    before = counts(sql)
    page = typed(ada, "test", **EXAMPLE | {"url": f"{crm.url}/x"})

    [got] = crm.received
    assert json.loads(got.body)["contract_id"] == "k2"
    assert got.headers["authorization"].startswith("Basic ")
    assert "HTTP 200" in page.text
    assert SCRIPT not in page.text
    assert f"{SCRIPT} [redacted]" in unescape(page.text)
    assert "not what is saved" in page.text
    assert before is not None
    after = counts(sql)
    assert after is not None
    assert after[:3] == before[:3]
    who, what, units, detail = records(sql, "tested")[-1]
    assert (who, what, units) == ("ada", "a connector that is not saved", ["1"])
    assert isinstance(detail, dict)
    assert (detail["url"], detail["outcome"], detail["status"]) == (f"{crm.url}/x", "ok", 200)


def test_a_test_of_what_is_saved_is_one_of_the_connector(
    site: Site, ada: TestClient, crm: Receiver, sql: Connection
) -> None:
    """On record as a test of that version; with a form that differs it is not."""
    standing = made(site, url=f"{crm.url}/x", secret="hush", triggers=["create", "send"])
    url = edit_url(standing)

    assert "on record as a test" in send(ada, f"{url}/test", form_of(ada.get(url))).text
    differing = changed(form_of(ada.get(url)), max_in_flight="2")
    assert "not what is saved" in send(ada, f"{url}/test", differing).text

    rows = sql.execute(
        "SELECT kind, outcome, worker FROM outbox.attempt WHERE connector_id = %s", (standing.id,)
    ).fetchall()
    assert rows == [("test", "ok", "ada")]
    assert len(crm.received) == 2


def test_a_secret_that_stands_goes_to_no_other_address(site: Site, ada: TestClient, crm: Receiver) -> None:
    """Else a test could carry it anywhere, with no version on record; typed again, it goes."""
    url = edit_url(made(site, secret="hush", headers={"X-Api-Key": "hush-2"}, signing_secret="s" * 32))
    elsewhere = changed(form_of(ada.get(url)), url=f"{crm.url}/x")

    answer = send(ada, f"{url}/test", elsewhere)
    send(ada, f"{url}/test", changed(elsewhere, secret_choice="replace", secret="mine"))

    assert "go only to the address that is saved" in answer.text
    first, second = crm.received
    assert not {"authorization", "x-api-key", "webhook-signature"} & set(first.headers)
    assert "authorization" in second.headers


def test_a_test_needs_a_sound_form(ada: TestClient, crm: Receiver) -> None:
    """What is missing is said; nothing is sent."""
    page = typed(ada, "test", url=f"{crm.url}/x", triggers=None)

    assert "Not sent. Mend this first" in page.text
    assert crm.received == []


def test_a_test_of_another_trigger_is_a_sample_of_it(ada: TestClient, crm: Receiver) -> None:
    """As the preview shows it, and of no real contract."""
    typed(ada, "test", **EXAMPLE | {"url": f"{crm.url}/x", "chosen": "trigger:update"})

    report = json.loads(crm.received[0].body)
    assert (report["trigger"], report["contract_id"]) == ("update", "sample")


def test_a_failed_test_says_why_in_words(ada: TestClient) -> None:
    """No answer is an answer, too."""
    page = typed(ada, "test", **EXAMPLE | {"url": "http://127.0.0.1:1/"})

    assert "no answer" in page.text
    assert "connect" in page.text


def test_the_limited_choose_and_see_their_own_alone(amy: TestClient, ada: TestClient) -> None:
    """No other business unit, no event, field or company of another: not by choosing it, not by making it up."""
    page = amy.get(NEW)
    assert "Provider BU" in page.text
    assert "Retail" not in page.text
    assert "All business units" not in page.text
    b1 = re.search(r'value="(event:\d+)"[^>]*>send of b1', preview(ada, **EXAMPLE | {"business_units": "2"}))
    assert b1 is not None

    for forged in (["2"], ["*"], ["1", "2"]):
        part = preview(amy, **EXAMPLE | {"business_units": forged, "chosen": b1[1], "company_fields": "hush_fiel"})
        assert "Hush of B" not in part
        assert "b1" not in part
        assert "hush_b" not in part
        assert "hush_field" not in part
        assert "Retail" not in part


@pytest.mark.parametrize("unit", ["2", "no-such-unit", "Retail"])
def test_another_unit_is_refused_as_one_that_is_not_there(amy: TestClient, unit: str) -> None:
    """In the same words, so that nobody learns which there are."""
    refused = told(typed(amy, **EXAMPLE | {"business_units": unit}), "business_units").replace(unit, "X")
    forced = told(typed(amy, **EXAMPLE | {"business_units": unit, "unknown_units": "yes"}), "business_units")

    assert refused.startswith("expected a business unit that the source has, got 'X'; known: 1, Provider BU (")
    assert forced.replace(unit, "X") == "expected business units of yours, got 'X'; choose yours"


def test_all_business_units_are_for_the_unlimited(amy: TestClient, crm: Receiver) -> None:
    """Neither saved nor tested."""
    values = EXAMPLE | {"business_units": "*", "url": f"{crm.url}/x"}

    assert "got all of them" in told(typed(amy, **values), "business_units")
    assert "Not sent" in typed(amy, "test", **values).text
    assert crm.received == []


def test_a_shared_connector_is_copied_but_not_edited(site: Site, amy: TestClient) -> None:
    """And its copy is for one's own units; one of others alone is as one that doesn't exist."""
    shared = made(site, name="shared", business_units=["1", "2"])
    others = made(site, name="others", business_units=["2"])
    pairs = form_of(amy.get(NEW))
    missing = amy.get("/configurations/connectors/99999/edit")

    assert amy.get(edit_url(shared)).status_code == 403
    assert send(amy, edit_url(shared), pairs).status_code == 403
    assert send(amy, f"{edit_url(shared)}/preview", pairs).status_code == 403
    assert (missing.status_code, amy.get(edit_url(others)).text) == (404, missing.text)
    assert amy.get(f"/configurations/connectors/{others.id}/copy").text == missing.text
    copy = amy.get(f"/configurations/connectors/{shared.id}/copy")
    assert [value for name, value in form_of(copy) if name == "business_units" and value] == ["1"]
    assert found(site, "shared").version == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_admins_configure(site: Site, role: Role) -> None:
    """Others see Configurations, without a way to change them."""
    with signed_in(site, role.value, role) as client:
        for url in (NEW, edit_url(made(site, name=f"of {role}")), "/configurations/connectors/new"):
            assert client.get(url).status_code == 403
        assert "Create New Connector" not in client.get("/configurations").text


def test_a_form_of_another_session_is_refused(ada: TestClient, amy: TestClient) -> None:
    """Every button asks for the session's own token."""
    foreign = dict(form_of(amy.get(NEW)))

    for url in (NEW, f"{NEW}/preview", f"{NEW}/test", f"{NEW}/business-units"):
        assert ada.post(url, data=foreign).status_code == 403
