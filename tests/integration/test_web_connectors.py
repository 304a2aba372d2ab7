"""The pages of connectors: the list, a connector's page, its acts and versions, by role and by business unit."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from outbox.access import Role, Within
from outbox.connectors import StandingConnector
from outbox.web.site import Site
from tests.conftest import Database
from tests.connectors import edit, find, make
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    hold,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_open,
)
from tests.receiver import Answer, receiver
from tests.web import post, signed_in, site_on

LIST = "/configurations/connectors"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """The site on it."""
    with site_on(database) as made:
        yield made


@pytest.fixture
def client(site: Site) -> Iterator[TestClient]:
    """An admin's browser."""
    with signed_in(site) as browser:
        yield browser


def crm(database: Database, site: Site, **values: object) -> StandingConnector:
    """A connector with secrets, made through the real module."""
    secrets = {"secret": "hush-hush", "headers": {"X-Api-Key": "hush-key"}}
    return make(database, site.box, **{"business_units": ["a"], **secrets, **values})


def said(client: TestClient, answer: httpx2.Response) -> str:
    """The page that an act leads to."""
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"]).text


def test_the_list_shows_how_each_stands(database: Database, db: Connection, site: Site, client: TestClient) -> None:
    """State, unit, triggers, URL, the badge where the certificate is not checked, last outcome, success, waiting."""
    one = crm(database, site, ssl_verification=False)
    event = insert_event(db, business_unit="a")
    insert_delivery(db, event, one.id)
    insert_attempt(db, event, one.id, outcome="http_error", status_code=503, started_at=datetime.now(UTC))
    insert_open(db, one.id)

    page = client.get(LIST).text

    for words in ("crm", "enabled", "https://crm.example/hook", "SSL not verified", "HTTP 503", "0 %", "of 1"):
        assert words in page
    assert f'href="{LIST}/{one.id}/disable?from=list"' in page
    assert "hush" not in page


def test_the_list_says_where_nothing_is_or_fits(db: Connection, client: TestClient) -> None:
    """Without a connector it leads to making one; where the filters leave none, to all of them."""
    assert "There is no connector yet" in client.get(LIST).text
    insert_connector(db)
    assert "No connector fits" in client.get(f"{LIST}?q=nothing").text
    assert client.get(f"{LIST}?after_id=x").status_code == 404


def test_the_list_leads_through_its_pages_and_keeps_its_filters(db: Connection, client: TestClient) -> None:
    """Sixty connectors are two pages, under the same filters and grouping."""
    for n in range(60):
        insert_connector(db, f"n{n:02}", triggers=["send"])

    first = client.get(f"{LIST}?trigger=send&group=state").text
    url = first.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = client.get(url).text

    assert ">n49<" in first
    assert ">n50<" not in first
    assert ">n59<" in second
    assert ">n49<" not in second
    assert "trigger=send" in url
    assert "group=state" in url


def test_the_page_shows_a_connector_and_no_secret(
    database: Database, db: Connection, site: Site, client: TestClient
) -> None:
    """Its health, deliveries, errors and configuration; what receivers say is text."""
    one = crm(database, site)
    event = insert_event(db, f"k/{SCRIPT}", business_unit="a")
    insert_delivery(db, event, one.id)
    insert_attempt(db, event, one.id, outcome="protocol", error=SCRIPT, started_at=datetime.now(UTC), settled="dead")
    insert_open(db, one.id, attempts=1, due_in=3600, last_error=SCRIPT)

    page = client.get(f"{LIST}/{one.id}").text

    for words in (
        "Payload URL",
        "X-Api-Key: set",
        f"/deliveries/{event}/{one.id}",
        "Goes next",
        "state=dead",
        "its next try",
    ):
        assert words in page
    assert SCRIPT not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3
    assert "hush" not in page
    for part in ("state", "now", "activity", "figures?stretch=7d"):
        assert client.get(f"{LIST}/{one.id}/{part}").status_code == 200


def test_a_removed_connector_keeps_its_page_and_takes_no_act(
    database: Database, site: Site, client: TestClient
) -> None:
    """What was is still there to see; what would change it isn't."""
    one = crm(database, site)
    post(client, f"{LIST}/{one.id}/remove", name="crm", version=1)

    page = client.get(f"{LIST}/{one.id}")

    assert "Removed" in page.text
    assert "/edit" not in page.text
    assert client.get(f"{LIST}/{one.id}/disable").status_code == 404
    assert "crm" in client.get(f"{LIST}?state=removed").text
    assert f"{LIST}/{one.id}" not in client.get(LIST).text


def test_disabling_holds_what_waits_and_enabling_lets_it_go(
    database: Database, db: Connection, site: Site, client: TestClient
) -> None:
    """Both say how many; the reason, who and the page are on record, and the access as well."""
    one = crm(database, site)
    for _ in range(3):
        insert_open(db, one.id)
    url = f"{LIST}/{one.id}"

    assert "<strong>3 deliveries wait</strong>" in client.get(f"{url}/disable").text
    page = said(client, post(client, f"{url}/disable", deliveries="hold", reason="they move house"))
    assert "its deliveries are held until it is enabled" in page
    assert "they move house" in page
    assert "<strong>3 deliveries wait</strong> and will go out now" in client.get(f"{url}/enable").text
    assert "3 deliveries that waited go out now" in said(client, post(client, f"{url}/enable"))
    assert "was enabled already" in said(client, post(client, f"{url}/enable", page=LIST))

    assert db.execute(
        "SELECT action, changed_by, origin FROM outbox.connector_version WHERE version > 1"
    ).fetchall() == [
        ("disable", "ada", "page"),
        ("enable", "ada", "page"),
    ]
    acts = db.execute(
        "SELECT act, business_units FROM outbox.access_record WHERE object = 'connector ''crm'''"
    ).fetchall()
    assert acts == [("disabled", ["a"]), ("enabled", ["a"])]


def test_disabling_may_discard(database: Database, db: Connection, site: Site, client: TestClient) -> None:
    """What waits is cancelled, and it says so; from the list one comes back to the list."""
    one = crm(database, site)
    insert_open(db, one.id)

    answer = post(
        client,
        f"{LIST}/{one.id}/disable",
        page=f"{LIST}/{one.id}/disable?from=list",
        deliveries="discard",
        **{"from": "list"},
    )

    assert answer.headers["location"] == LIST
    assert "crm is disabled; 1 delivery cancelled." in said(client, answer)
    assert find(database, site.box).discard


def test_a_choice_that_is_missing_is_asked_for_again(database: Database, site: Site, client: TestClient) -> None:
    """At its field, with what was typed."""
    one = crm(database, site)

    page = post(client, f"{LIST}/{one.id}/disable", reason="a move")

    assert page.status_code == 422
    assert "Say what becomes of its deliveries" in page.text
    assert 'value="a move"' in page.text
    assert find(database, site.box).enabled


def test_removing_wants_the_name_and_the_version_that_was_seen(
    database: Database, db: Connection, site: Site, client: TestClient
) -> None:
    """A slip of the hand removes nothing, nor does who looked at another version of it."""
    one = crm(database, site)
    insert_open(db, one.id)
    url = f"{LIST}/{one.id}/remove"

    wrong = post(client, url, name="crn", version=1)
    edit(database, one, site.box, url="https://new.example/")
    late = post(client, url, name="crm", version=1)

    assert wrong.status_code == 422
    assert "Expected crm, got crn" in wrong.text
    assert late.status_code == 409
    assert "changed meanwhile" in late.text
    assert "crm is removed; 1 delivery cancelled." in said(client, post(client, url, name="crm", version=2))


def test_a_held_one_is_probed_at_once(database: Database, db: Connection, site: Site, client: TestClient) -> None:
    """While a probe is out, none goes beside it; who isn't held is told so."""
    one = crm(database, site)
    hold(db, one.id, probe_at=datetime.now(UTC) + timedelta(hours=1))
    due = "SELECT probe_at <= clock_timestamp() FROM outbox.health"
    out = insert_open(db, one.id, leased="host:1", due_in=60)
    url = f"{LIST}/{one.id}"
    assert "Probe now" in client.get(url).text

    assert "is being probed at this moment" in said(client, post(client, f"{url}/probe", page=url))
    assert db.execute(due).fetchall() == [(False,)]
    db.execute("DELETE FROM outbox.queue WHERE event_id = %s", (out,))
    assert "is probed with the oldest delivery" in said(client, post(client, f"{url}/probe", page=url))
    assert db.execute(due).fetchall() == [(True,)]
    assert post(client, f"{url}/enable", page=url).status_code == 409


def test_versions_tell_who_changed_what_and_one_is_restored(database: Database, site: Site, client: TestClient) -> None:
    """As a new version, checked as an edit is; secrets stay; a change meanwhile is refused."""
    one = crm(database, site)
    edit(database, one, site.box, url="https://new.example/", secret=SecretStr("hush-2"))
    url = f"{LIST}/{one.id}/versions"

    page = client.get(url).text
    asked = client.get(f"{url}/1/restore").text
    refused = post(client, f"{url}/1/restore", version=1)
    done = said(client, post(client, f"{url}/1/restore", version=2))

    assert "by bob, on the page" in page
    assert "https://new.example/" in page
    assert "hush" not in page + asked
    assert "<td>https://new.example/</td><td>https://crm.example/hook</td>" in asked
    assert refused.status_code == 409
    assert "as in version 1 again" in done
    standing = find(database, site.box)
    assert (standing.version, standing.spec.url) == (3, "https://crm.example/hook")
    assert standing.spec.secret == SecretStr("hush-2")
    assert client.get(f"{url}/9/restore").status_code == 404
    assert "nothing to restore" in client.get(f"{url}/3/restore").text


def test_many_versions_are_pages(database: Database, site: Site, client: TestClient) -> None:
    """Newest first, twenty a page, each told against the one before it, over the page's end too."""
    one = crm(database, site)
    standing = one
    for n in range(24):
        edit(database, standing, site.box, timeout_seconds=float(n + 1))
        standing = find(database, site.box)

    first = client.get(f"{LIST}/{one.id}/versions").text
    second = client.get(f"{LIST}/{one.id}/versions?below=6").text

    assert f"{LIST}/{one.id}/versions?below=6" in first
    assert "<td>3s</td><td>4s</td>" in second
    assert "<td>4s</td><td>5s</td>" in first + second
    assert "As it was created" in second


@pytest.mark.parametrize(
    ("role", "within", "disabling", "removing"),
    [
        (Role.VIEWER, None, 403, 403),
        (Role.OPERATOR, None, 200, 403),
        (Role.ADMIN, None, 200, 200),
        (Role.ADMIN, ("a", "b"), 200, 200),
        (Role.ADMIN, ("a",), 403, 403),
        (Role.ADMIN, ("c",), 404, 404),
    ],
)
def test_acts_are_for_who_may_and_owns(  # noqa: PLR0917 (a table of cases)
    database: Database, site: Site, role: Role, within: Within, disabling: int, removing: int
) -> None:
    """A viewer may nothing, an operator may not remove, and who is limited owns a connector only whole."""
    one = crm(database, site, business_units=["a", "b"])
    with signed_in(site, "bea", role, within) as client:
        url = f"{LIST}/{one.id}"
        assert client.get(url).status_code == (404 if removing == 404 else 200)
        for act, status in (("disable", disabling), ("enable", disabling), ("remove", removing)):
            assert client.get(f"{url}/{act}").status_code == status
            fields = {"deliveries": "hold", "name": "crm", "version": 1}
            if status != 200:
                assert post(client, f"{url}/{act}", page=LIST, **fields).status_code == status
        assert ("Disable …" in client.get(url).text) == (disabling == 200)
    assert find(database, site.box).version == 1


def test_pages_of_who_is_limited_tell_nothing_of_others(database: Database, db: Connection, site: Site) -> None:
    """No id, name, contract, word or number of another unit, on any page of a connector that is shared."""
    one = crm(database, site, business_units=["a", "unit-of-b"])
    for unit in ("a", "unit-of-b"):
        event = insert_event(db, f"contract-of-{unit}", business_unit=unit)
        insert_delivery(db, event, one.id)
        insert_attempt(db, event, one.id, outcome="protocol", error=f"error-of-{unit}", started_at=datetime.now(UTC))
        waits = insert_event(db, f"contract-of-{unit}", business_unit=unit)
        insert_delivery(db, waits, one.id)
        db.execute(
            "INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at, last_error)"
            " VALUES (%s, %s, %s, true, now(), %s)",
            (one.id, waits, f"contract-of-{unit}", f"error-of-{unit}"),
        )
    hold(db, one.id, "10 attempts in a row failed; the last: error-of-unit-of-b")
    with signed_in(site, "vera", Role.VIEWER, ("a",)) as client:
        paths = ("", "/state", "/now", "/activity", "/figures", "/versions")
        pages = [client.get(f"{LIST}/{one.id}{path}") for path in paths] + [
            client.get(LIST),
            client.get(f"{LIST}?group=business_unit"),
        ]

    assert {page.status_code for page in pages} == {200}
    assert not any("of-b" in page.text for page in pages)
    assert "contract-of-a" in pages[0].text
    assert "its receiver does not answer" in pages[0].text


def test_a_disabled_one_is_enabled_by_its_page(db: Connection, client: TestClient) -> None:
    """Which says why it is disabled, and what it waits for."""
    off = insert_connector(db, "off")
    disable_connector(db, off, "the receiver answered 410 Gone")
    insert_open(db, off)

    page = client.get(f"{LIST}/{off}").text

    assert "the receiver answered 410 Gone" in page
    assert "when it is enabled" in page
    assert f"{LIST}/{off}/enable" in page


def test_a_test_is_sent_as_it_stands_and_its_answer_shown(
    database: Database, db: Connection, site: Site, client: TestClient
) -> None:
    """Through the real sender, by who may operate; what the receiver says is text, and the test is on record."""
    with receiver() as running:
        running.answer = lambda _: Answer(status=418, body=SCRIPT.encode())
        one = crm(database, site, url=running.url)
        page = post(client, f"{LIST}/{one.id}/test", page=f"{LIST}/{one.id}").text

        assert "HTTP 418" in page
        assert SCRIPT not in page
        assert "It is on record as a test of this connector." in page
        [request] = running.received
        assert request.headers["x-api-key"] == "hush-key"
    assert db.execute("SELECT kind, status_code FROM outbox.attempt").fetchall() == [("test", 418)]


@pytest.mark.parametrize(
    "path", ["?q=%00", "?business_unit=%00", "?after_id=99999999999", "/99999999999", "/99999999999/versions"]
)
def test_an_address_that_means_nothing_is_no_fault_of_the_database(
    db: Connection, client: TestClient, path: str
) -> None:
    """It finds what it says, or nothing is there."""
    insert_connector(db)

    assert client.get(f"{LIST}{path}").status_code == (404 if "999" in path else 200)
