"""What holds for every page and every call there is: taken from the routes, so that a new one is in it by itself."""

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import httpx2
import psycopg
import pytest

from outbox.log import configure_log
from outbox.settings import Log
from outbox.web.headers import POLICY
from tests.conftest import Database
from tests.dashboard_sample import ALFA, SECRET, UNCOVERED, ZULU, Planted, install_dashboard_sample, plant
from tests.factories import Connection, connect, insert_attempt, insert_delivery, insert_event, insert_queued
from tests.postgres import Server
from tests.web import KEY, PASSWORD, site_on
from tests.web_roles import NOBODY, Everybody, everybody, parts_of
from tests.web_routes import OPEN, Call, calls

CALLS = [call for call in calls() if call != OPEN]
READING = [call for call in CALLS if call.safe]
CHANGING = [call for call in CALLS if not call.safe and not call.api]
PAGES = [call for call in READING if not call.api]
LIMITED = "admin, limited"
"""Who sees most of those who are limited; to the same business unit as the others."""
MOST_BYTES = 100_000
MANY = 150
OF_ZULU = re.compile(rf"zulu|\b{ZULU.contracts // 1000}\d{{3}}\b|\b{ZULU.events // 1000}\d{{3}}\b", re.IGNORECASE)
PASSING = re.compile(r'name="csrf" value="[^"]+"|\?v=[0-9a-f]+|\b1\d{9}\b|v1,[\w+/=]+')
"""What differs from one look to the next and tells nothing: seconds since 1970 and the signature over them among it."""
ASKED_FOR = {
    "business_unit": (ZULU.id, "9077"),
    "connector": ("zulu crm", "xulx crm"),
    "contract": (str(ZULU.contracts), "1234567"),
    "q": ("zulu", "qqqq"),
}
"""Words of a query that name something of zulu's, and words that name nothing."""


@dataclass
class Ground:
    """Everybody on a database, what is planted in it, and what was seen and logged."""

    database: Database
    sql: Connection
    people: Everybody
    log: io.StringIO
    alfa: Planted
    zulu: Planted
    before: dict[Call, str] = field(default_factory=dict)
    after: dict[Call, str] = field(default_factory=dict)

    def look(self, kind: str, call: Call, planted: Planted | None = None) -> httpx2.Response:
        """What this kind of people gets to see."""
        return self.people.by_kind[kind].make(call, parts_of(planted or self.alfa))

    def seen(self) -> dict[Call, str]:
        """All that somebody limited gets to see."""
        return {call: told(self.look(LIMITED, call)) for call in READING}


def told(answer: httpx2.Response) -> str:
    """What an answer tells."""
    return f"{answer.status_code} {PASSING.sub('', answer.text)}"


@pytest.fixture(scope="module")
def ground(server: Server, template: str) -> Iterator[Ground]:
    """A database of two units, and what the limited to the first saw before there was anything of the second."""
    name, log = "swept", io.StringIO()
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    install_dashboard_sample(server, name)
    database = Database(server, name)
    alerts = {"url": f"https://chat.example/{SECRET}-hook", "secret": "whsec_cGxhbnRlZC1zZWNyZXQtYWxlcnQtMDEyMw=="}
    with site_on(database, alerts=alerts) as site, connect(database) as sql:
        configure_log(Log(level="debug", format="json"), log)
        alfa = plant(database, sql, site.box, ALFA)
        with everybody(site) as people:
            ground = Ground(database, sql, people, log, alfa, alfa)
            ground.before = ground.seen()
            ground.zulu = plant(database, sql, site.box, ZULU)
            plant(database, sql, site.box, UNCOVERED)
            ground.after = ground.seen()
            configure_log(Log(level="debug", format="json"), sys.__stderr__)
            yield ground
    database.dispose()


@pytest.mark.parametrize("call", READING, ids=str)
def test_records_of_others_change_nothing_that_the_limited_see(ground: Ground, call: Call) -> None:
    """Not a row, count, rate, suggestion or order: with and without the others' records every answer is the same."""
    assert ground.after[call] == ground.before[call]
    assert OF_ZULU.findall(ground.after[call]) == []
    assert OF_ZULU.findall(told(ground.look("viewer, limited", call))) == []


@pytest.mark.parametrize("call", [call for call in READING if call.varies], ids=str)
def test_what_belongs_to_others_is_as_what_is_not_there(ground: Ground, call: Call) -> None:
    """An id of another unit answers in the words of an id that nobody has."""
    nobody = replace(ground.zulu, deliveries={"delivered": (999_999_999, 999_999)}, contract="88888888")
    theirs, none = (ground.look(LIMITED, call, one) for one in (ground.zulu, nobody))
    assert theirs.status_code in (403, 404)
    assert told(theirs) == told(none)


@pytest.mark.parametrize("call", [call for call in READING if not call.varies], ids=str)
@pytest.mark.parametrize("word", ASKED_FOR)
def test_asking_for_what_belongs_to_others_tells_nothing(ground: Ground, call: Call, word: str) -> None:
    """A filter by their unit, connector or contract answers as one by a name that nobody has."""
    somebody, parts = ground.people.by_kind[LIMITED], parts_of(ground.alfa)
    theirs, none = (somebody.make(call, parts, **{word: value}) for value in ASKED_FOR[word])
    shown = [told(one).replace(value, "…") for one, value in zip((theirs, none), ASKED_FOR[word], strict=True)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("call", READING, ids=str)
def test_secrets_are_never_seen_again(ground: Ground, call: Call) -> None:
    """Not a connector's, not the hook's, no key, password, token, hash or session: in no answer to anybody."""
    sessions = [one.client.cookies["outbox_session"] for kind, one in ground.people.by_kind.items() if kind != NOBODY]
    tokens = [one.token for one in ground.people.by_kind.values() if one.token]
    secrets = (SECRET, "cGxhbnRlZC1zZWNyZXQ", KEY, PASSWORD, "$argon2", *sessions, *tokens)
    for kind in ("admin", LIMITED):
        text = ground.look(kind, call).text
        assert [one for one in secrets if one in text] == []


def test_secrets_are_in_no_log_line(ground: Ground) -> None:
    """What all that looking logged holds none of them."""
    sessions = [one.client.cookies["outbox_session"] for kind, one in ground.people.by_kind.items() if kind != NOBODY]
    written = ground.log.getvalue()
    assert [one for one in (SECRET, "cGxhbnRlZC1zZWNyZXQ", KEY, PASSWORD, *sessions) if one in written] == []


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_every_answer_says_what_browsers_may(ground: Ground, call: Call) -> None:
    """A policy without inline scripts, no sniffing, no frame, no referrer elsewhere, nothing kept by a cache."""
    headers = ground.look(NOBODY, call).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("call", CHANGING, ids=str)
def test_nothing_changes_without_a_form_of_the_same_session(ground: Ground, call: Call) -> None:
    """No token, another session's, or one in a query: 403, whoever asks."""
    admin, other = ground.people.by_kind["admin"], ground.people.by_kind["operator"]
    url = call.url(parts_of(ground.alfa))
    for form, headers in (({}, {}), ({"csrf": other.csrf}, {}), ({}, {"X-CSRF-Token": other.csrf})):
        answer = admin.client.request(call.method, url, data=form, headers=headers)
        assert (answer.status_code, "of this session" in answer.text) == (403, True)
    assert admin.client.request(call.method, f"{url}?csrf={admin.csrf}").status_code == 403


class Markup(HTMLParser):
    """What a page is made of that may be wrong: a list of faults."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        given = dict(attrs)
        self.headings += tag == "h1"
        inline = [name for name in given if name == "style" or name.startswith("on")]
        self.faults += [f"<{tag} {name}>" for name in inline]
        if tag == "style" or (tag == "script" and not given.get("src") and given.get("type") != "application/json"):
            self.faults.append(f"<{tag}> inline")
        loads = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        if loads.startswith(("//", "http:", "https:")):
            self.faults.append(f"<{tag}> of another host: {loads}")
        if tag == "form" and (given.get("action") or "").startswith(("//", "http:", "https:")):
            self.faults.append(f"<form> to another host: {given['action']}")
        if tag == "form" and given.get("method", "get") not in ("get", "post", "dialog"):
            self.faults.append(f"<form method={given['method']}>")


@pytest.mark.parametrize("call", PAGES, ids=str)
def test_pages_are_made_of_what_the_policy_allows(ground: Ground, call: Call) -> None:
    """No inline script, style or event; nothing of another host; one main heading on a whole page."""
    answer = ground.look("admin", call)
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return
    found = Markup()
    found.feed(answer.text)
    assert found.faults == []
    if "<html" in answer.text:
        assert found.headings == 1


@pytest.mark.parametrize("call", PAGES, ids=str)
def test_nobodys_host_is_repeated(ground: Ground, call: Call) -> None:
    """Links and redirects are paths: a host that a request makes up stands in no answer."""
    url, admin = call.url(parts_of(ground.alfa)), ground.people.by_kind["admin"].client
    answer = admin.get(url, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in f"{answer.headers} {answer.text}"


@pytest.fixture(scope="module")
def filled(ground: Ground) -> Ground:
    """The same with a great deal of it: many deliveries, long bodies, a delivery tried for days."""
    crm, sql = ground.alfa.connectors["crm"], ground.sql
    long = "<&\"' words of a contract " * 4_000
    event, _ = ground.alfa.deliveries["delivered"]
    for number in range(4, 24):
        insert_attempt(
            sql, event, crm, number, outcome="http_error", error=long[:900], response_body=long[:65_536].encode(),
            response_headers={f"X-Header-{one}": long[:300] for one in range(20)}, request_headers={"X": long[:300]},
        )  # fmt: skip
    for number in range(MANY):
        unit = {"business_unit": ALFA.id, "document": {"title": long[:50_000]}}
        sql.execute("SELECT setval('outbox.event_id', %s)", [ALFA.events + 500 + number])
        one = insert_event(sql, str(ALFA.contracts + (number % 8 if number % 2 else 0)), "update", **unit)
        insert_delivery(sql, one, crm, body=long[:90_000].encode())
        if number % 2:
            insert_queued(sql, one, crm, due_in=86_400, last_error=long[:900])
        else:
            insert_attempt(sql, one, crm, outcome="http_error", settled="dead", error=long[:900])
    return ground


@pytest.mark.parametrize("call", PAGES, ids=str)
def test_no_page_is_large(filled: Ground, call: Call) -> None:
    """Below 100 kB, however much there is to show, but for what is downloaded."""
    answer = filled.look("admin", call)
    if "content-disposition" not in answer.headers:
        assert len(answer.content) < MOST_BYTES
