"""Connectors by the API: made, read, changed under their version, removed; secrets go in and never out."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from outbox.access import Role
from outbox.connectors import find_connector
from outbox.web.site import Site
from tests.calls import WEBHOOK, Calls, calls_on, fields
from tests.conftest import Database
from tests.factories import connect, insert_open
from tests.receiver import Answer, receiver
from tests.web import site_on

SECRETS = {"secret": "basic-planted", "signing_secret": "whsec_cGxhbnRlZC1zZWNyZXQtc2lnbmluZy0wMTIz"}
HEADERS = {"X-Team": "reporting", "X-Api-Key": "header-planted"}
PLANTED = ("planted", "cGxhbnRlZC")


@pytest.fixture
def site(source_database: Database) -> Iterator[Site]:
    """A site on a database in which a mapping is installed."""
    with site_on(source_database) as site:
        yield site


@pytest.fixture
def calls(site: Site) -> Iterator[Calls]:
    """An admin's."""
    with calls_on(site) as calls:
        yield calls


def secrets_of(site: Site, name: str = "crm") -> list[object]:
    """The secrets that stand: basic, signing, and those in headers."""
    with site.reading() as connection:
        spec = find_connector(connection, site.box, name).spec
    values = (spec.secret, spec.signing_secret, *spec.headers.values())
    return [value.get_secret_value() if isinstance(value, SecretStr) else value for value in values]


def test_a_connector_is_made_and_read_without_its_secrets(site: Site, calls: Calls) -> None:
    """201 with its URL and version; secrets are stored, and no answer has them again."""
    made = calls.post("/connectors", {**WEBHOOK, "business_units": ["Provider BU"], **SECRETS, "headers": HEADERS})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    connector = made.json()
    assert made.headers["Location"] == f"/api/v1/connectors/{connector['id']}"
    assert (connector["business_units"], connector["origin"], connector["updated_by"]) == (
        ["1"],
        "api",
        "admin of None",
    )
    assert connector["headers"] == {"X-Team": "reporting", "X-Api-Key": {"secret": "set"}}
    assert (connector["has_secret"], connector["has_signing_secret"]) == (True, True)
    assert secrets_of(site) == [*SECRETS.values(), *HEADERS.values()]
    read = [made, calls.get(f"/connectors/{connector['id']}"), calls.get(f"/connectors/{connector['id']}/versions")]
    assert [word for one in [*read, calls.get("/connectors")] for word in PLANTED if word in one.text] == []


def test_every_fault_stands_at_its_field(calls: Calls) -> None:
    """Unknown keys with the nearest known one, wrong types, broken rules, unknown units: 422; a taken name: 409."""
    typed = calls.post("/connectors", {**WEBHOOK, "urll": "x", "max_in_flight": "8", "triggers": ["born"]})
    assert (typed.status_code, sorted(fields(typed))) == (422, ["max_in_flight", "triggers.0", "urll"])
    assert "did you mean 'url'?" in typed.text
    assert typed.headers["Content-Type"] == "application/problem+json"
    wrong = calls.post("/connectors", {**WEBHOOK, "url": "ftp://x", "username": "a:b", "company_fields": ["a", "a"]})
    assert sorted(fields(wrong)) == ["company_fields", "url", "username"]
    unknown = calls.post("/connectors", {**WEBHOOK, "business_units": ["Provider B"]})
    assert (fields(unknown), "did you mean 'Provider BU'?" in unknown.text) == (["business_units"], True)
    assert calls.post("/connectors", {**WEBHOOK, "business_units": ["99"]}, allow_unknown="true").status_code == 201
    taken = calls.post("/connectors", WEBHOOK)
    assert (taken.status_code, "expected a new name" in taken.json()["detail"]) == (409, True)


@pytest.mark.parametrize(("method", "body"), [("PUT", WEBHOOK), ("PATCH", {}), ("DELETE", None)])
def test_a_change_says_which_version_it_means(calls: Calls, method: str, body: object) -> None:
    """Without If-Match 428, with another version's 412, with the present one's it is done."""
    path = f"/connectors/{calls.post('/connectors', WEBHOOK).json()['id']}"
    assert calls.make("PATCH", path, {"timeout_seconds": 5}, match='"1"').headers["ETag"] == '"2"'
    statuses = [calls.make(method, path, body, match=match).status_code for match in (None, '"1"', 'W/"2"', '"1", "2"')]
    assert statuses == [428, 412, 412, 200]


def test_reading_again_what_one_has_is_answered_briefly(calls: Calls) -> None:
    """If-None-Match with the present version: 304 without a body; with another: the connector."""
    path = f"/connectors/{calls.post('/connectors', WEBHOOK).json()['id']}"
    for given, status in (('"1"', 304), ('W/"1"', 304), ('"7"', 200)):
        answer = calls.client.get(f"/api/v1{path}", headers={**calls.headers, "If-None-Match": given})
        assert (answer.status_code, answer.headers["ETag"], bool(answer.content)) == (status, '"1"', status == 200)


def test_a_merge_patch_changes_what_it_names(site: Site, calls: Calls) -> None:
    """What is left out stays, secrets too; null goes back to the default; of headers one by one."""
    path = f"/connectors/{calls.post('/connectors', {**WEBHOOK, **SECRETS, 'headers': HEADERS}).json()['id']}"
    patched = calls.make("PATCH", path, {"timeout_seconds": 7.5, "headers": {"X-Team": "crm"}}, match="*").json()
    assert (patched["timeout_seconds"], patched["headers"]["X-Team"], patched["name"]) == (7.5, "crm", "crm")
    assert secrets_of(site) == [*SECRETS.values(), "crm", "header-planted"]
    patched = calls.make(
        "PATCH", path, {"timeout_seconds": None, "secret": None, "headers": {"X-Team": None}}, match="*"
    ).json()
    assert (patched["timeout_seconds"], patched["has_secret"], patched["headers"]) == (
        15.0,
        False,
        {"X-Api-Key": {"secret": "set"}},
    )
    assert secrets_of(site) == [None, SECRETS["signing_secret"], "header-planted"]
    lacking = calls.make("PATCH", path, {"url": None}, match="*")
    assert (lacking.status_code, fields(lacking)) == (422, ["url"])


def test_replacing_keeps_the_secrets_that_are_left_out(site: Site, calls: Calls) -> None:
    """All else has its default again; {secret: set} keeps a header's value, and is refused where there is none."""
    made = calls.post("/connectors", {**WEBHOOK, **SECRETS, "headers": HEADERS, "timeout_seconds": 5}).json()
    path = f"/connectors/{made['id']}"
    replaced = calls.make("PUT", path, {**WEBHOOK, "headers": {"X-Api-Key": {"secret": "set"}}}, match="*").json()
    assert (replaced["timeout_seconds"], replaced["headers"]) == (15.0, {"X-Api-Key": {"secret": "set"}})
    assert secrets_of(site) == [*SECRETS.values(), "header-planted"]
    missing = calls.make("PUT", path, {**WEBHOOK, "headers": {"X-Token": {"secret": "set"}}}, match="*")
    assert (missing.status_code, fields(missing)) == (422, ["headers.X-Token"])
    nothing = calls.make("PUT", path, {**WEBHOOK, "headers": {"X-Api-Key": {"secret": "set"}}}, match="*")
    assert nothing.headers["ETag"] == '"2"'


def test_enabling_disabling_and_removing_say_what_became_of_what_waits(source_database: Database, calls: Calls) -> None:
    """Disabled it waits, discarded it is cancelled; a removed one is gone, its versions are not; all is on record."""
    connector = calls.post("/connectors", WEBHOOK).json()["id"]
    path = f"/connectors/{connector}"
    with connect(source_database) as sql:
        insert_open(sql, connector, "k1")
        disabled = calls.post(f"{path}/disable", {"reason": "CRM is being moved"}).json()
        assert (disabled["state"], disabled["state_reason"], disabled["cancelled"]) == (
            "disabled",
            "CRM is being moved",
            0,
        )
        assert calls.post(f"{path}/enable").json()["state"] == "enabled"
        dropped = calls.post(f"{path}/disable", {"discard": True}).json()
        assert (dropped["cancelled"], dropped["left"], dropped["discard"]) == (1, False, True)
        assert calls.post(f"{path}/probe").json() == {"due": False}
        calls.post(f"{path}/enable")
        insert_open(sql, connector, "k2")
        assert calls.make("DELETE", path, match="*").json() == {"cancelled": 1, "left": False}
        assert calls.get(path).status_code == 404
        versions = calls.get(f"{path}/versions").json()["versions"]
        assert [one["action"] for one in versions] == ["remove", "enable", "disable", "enable", "disable", "create"]
        acts = sql.execute("SELECT act, via, who FROM outbox.access_record ORDER BY id").fetchall()
    done = ["created", "disabled", "enabled", "disabled", "enabled", "removed"]
    assert acts == [(act, "api", "admin of None") for act in done]


def test_a_test_is_sent_for_real_and_told(calls: Calls) -> None:
    """The report that went out, secrets redacted, and the answer that came."""
    with receiver(lambda _: Answer(201, headers={"X-Seen": "yes"}, body=b"thanks")) as crm:
        connector = calls.post("/connectors", {**WEBHOOK, **SECRETS, "url": crm.url}).json()["id"]
        told = calls.post(f"/connectors/{connector}/test").json()
    assert (told["outcome"], told["status_code"], told["response"]["body"]) == ("ok", 201, "thanks")
    assert {"name": "X-Seen", "value": "yes"} in [
        {"name": one["name"].title(), "value": one["value"]} for one in told["response"]["headers"]
    ]
    assert told["request"]["headers"]["Authorization"] == "[redacted]"
    assert told["request"]["body"].encode() == crm.received[0].body


def test_connectors_are_listed_by_name_and_filtered(calls: Calls) -> None:
    """Page after page; by unit, trigger, state and name."""
    for name, trigger in (("b", "send"), ("a", "create"), ("c", "create")):
        calls.post("/connectors", {**WEBHOOK, "name": name, "triggers": [trigger]})
    assert [one["name"] for one in calls.pages("/connectors", "connectors", limit=2)] == ["a", "b", "c"]
    for query, names in (({"trigger": "create"}, ["a", "c"]), ({"name": "b"}, ["b"]), ({"business_unit": "2"}, [])):
        assert [one["name"] for one in calls.pages("/connectors", "connectors", **query)] == names
    assert calls.pages("/connectors", "connectors", state="disabled") == []


def test_who_is_limited_changes_what_is_theirs_alone(site: Site, calls: Calls) -> None:
    """One of other units too is seen without them and left as it is; theirs can't get another unit, nor all."""
    shared = calls.post("/connectors", {**WEBHOOK, "name": "shared", "business_units": ["1", "2"]}).json()["id"]
    calls.post("/connectors", {**WEBHOOK, "name": "others", "business_units": ["2"]})
    with calls_on(site, Role.ADMIN, ("1",)) as limited:
        seen = limited.get(f"/connectors/{shared}").json()
        assert (seen["business_units"], seen["shared"]) == (["1"], True)
        refused = [
            limited.make("PATCH", f"/connectors/{shared}", {"timeout_seconds": 5}, match="*"),
            limited.make("DELETE", f"/connectors/{shared}", match="*"),
            *(limited.post(f"/connectors/{shared}/{act}") for act in ("enable", "disable", "probe", "test")),
            limited.post("/connectors", {**WEBHOOK, "business_units": ["*"]}),
            limited.post("/connectors", {**WEBHOOK, "business_units": ["2"]}, allow_unknown="true"),
        ]
        assert [one.status_code for one in refused] == [403] * 8
        foreign, absent = (limited.post("/connectors", {**WEBHOOK, "business_units": [unit]}) for unit in ("2", "99"))
        assert foreign.json()["errors"][0]["detail"].replace("'2'", "'99'") == absent.json()["errors"][0]["detail"]
        own = limited.post("/connectors", {**WEBHOOK, "name": "own"})
        widened = limited.make(
            "PATCH", f"/connectors/{own.json()['id']}", {"business_units": ["1", "2"]}, match=own.headers["ETag"]
        )
        assert (own.status_code, widened.status_code, fields(widened)) == (201, 422, ["business_units"])
        assert [one["name"] for one in limited.pages("/connectors", "connectors")] == ["own", "shared"]
