"""What holds for every page and every call there is: taken from the routes, so that a new one is in it by itself."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import httpx2
import psycopg
import pytest

from outbox.log import configure_log, get_log
from outbox.settings import Log
from outbox.web.headers import POLICY
from tests.conftest import Database
from tests.dashboard_sample import ALFA, SECRET, UNCOVERED, ZULU, Planted, install_dashboard_sample, plant
from tests.factories import Connection, connect, insert_attempt, insert_delivery, insert_event, insert_queued
from tests.postgres import Server
from tests.source_tree import nothing
from tests.web import KEY, PASSWORD, site_on
from tests.web_roles import NOBODY, Everybody, everybody, is_page, parts_of, seen_anew
from tests.web_routes import OPEN, Call, calls

CALLS = [call for call in calls() if call != OPEN]
READING = [call for call in CALLS if call.safe]
CHANGING = [call for call in CALLS if not call.safe and not call.api]
PAGES = [call for call in READING if not call.api]
LIMITED = "admin, limited"
"""Who sees most of those who are limited; to the same business unit as the others."""
MOST_BYTES = 100_000
MANY = 150
OF_ZULU = re.compile(rf"zulu|Zulu unit|\b{ZULU.contracts // 1000}\d{{3}}\b|\b{ZULU.events // 1000}\d{{3}}\b")
"""Whatever is theirs; Zulu alone is a time zone."""
PASSING = re.compile(
    r'name="csrf" value="[^"]+"|\?v=[0-9a-f]+|\b1\d{9}\b|v1,[\w+/=]+|urn:uuid:[\w-]+'
    r'|"(?:lag_seconds|late_seconds)":-?[\d.]+'
)
"""What differs from one look to the next and tells nothing: the time now, and the signature over it, among it."""
MOMENT = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?")
JUST_NOW = timedelta(minutes=15)
ASKED_FOR = {
    "business_unit": (ZULU.id, "9077"),
    "connector": ("zulu crm", "xulx crm"),
    "contract": (str(ZULU.contracts), "1234567"),
    "q": ("zulu", "qqqq"),
}
"""Words of a query that name something of zulu's, and words that name nothing."""
SIGNING = "cGxhbnRlZC1zZWNyZXQ"
"""How the planted signing secrets begin."""


@dataclass
class Ground:
    """Everybody on a database, what is planted in it, and what was seen."""

    sql: Connection
    people: Everybody
    alfa: Planted
    zulu: Planted
    before: dict[Call, str]
    after: dict[Call, str]

    def look(self, kind: str, call: Call, planted: Planted | None = None) -> httpx2.Response:
        """What this kind of people gets to see."""
        return self.people.by_kind[kind].make(call, parts_of(planted or self.alfa))


def told(answer: httpx2.Response) -> str:
    """What an answer tells, whenever it is given."""
    now = datetime.now(UTC)

    def without(found: re.Match[str]) -> str:
        return "now" if abs(datetime.fromisoformat(f"{found[0]}+00:00") - now) < JUST_NOW else found[0]

    return f"{answer.status_code} {MOMENT.sub(without, PASSING.sub('', answer.text))}"


def seen(people: Everybody, planted: Planted) -> dict[Call, str]:
    """All that somebody limited gets to see."""
    return {call: told(people.by_kind[LIMITED].make(call, parts_of(planted))) for call in READING}


def apart(one: str, other: str) -> str:
    """Where two texts begin to differ."""
    place = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"...{one[max(0, place - 60) : place + 60]!r} / {other[max(0, place - 60) : place + 60]!r}"


@pytest.fixture(scope="module")
def ground(server: Server, template: str) -> Iterator[Ground]:
    """A database of two units, and what the limited to the first saw before there was anything of the second."""
    name = "swept"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    install_dashboard_sample(server, name)
    database = Database(server, name)
    alerts = {"url": f"https://chat.example/{SECRET}-hook", "secret": "whsec_cGxhbnRlZC1zZWNyZXQtYWxlcnQtMDEyMw=="}
    with site_on(database, alerts=alerts) as site, connect(database) as sql:
        alfa = plant(database, sql, site.box, ALFA)
        with everybody(site) as people:
            before = seen(people, alfa)
            zulu = plant(database, sql, site.box, ZULU)
            plant(database, sql, site.box, UNCOVERED)
            with site_on(database, alerts=alerts) as anew, seen_anew(people, anew) as same:
                yield Ground(sql, same, alfa, zulu, before, seen(same, alfa))
    database.dispose()


def test_records_of_others_change_nothing_that_the_limited_see(ground: Ground) -> None:
    """Not a row, count, rate, suggestion or order: with and without the others' records every answer is the same."""
    pairs = {call: (ground.before[call], ground.after[call]) for call in READING}
    nothing(f"{call}: {apart(*pair)}" for call, pair in pairs.items() if pair[0] != pair[1])
    viewer = {call: told(ground.look("viewer, limited", call)) for call in READING}
    shown = [(call, OF_ZULU.findall(text)) for call in READING for text in (ground.after[call], viewer[call])]
    nothing(f"{call}: {sorted(set(found))}" for call, found in shown if found)


def test_what_belongs_to_others_is_as_what_is_not_there(ground: Ground) -> None:
    """An id of another unit answers in the words of an id that nobody has."""
    nobody = replace(ground.zulu, deliveries={"delivered": (999_999_999, 999_999)}, contract="88888888")
    for call in READING:
        if call.varies:
            theirs, none = (ground.look(LIMITED, call, one) for one in (ground.zulu, nobody))
            assert theirs.status_code in (403, 404), call
            assert told(theirs) == told(none), call


def test_asking_for_what_belongs_to_others_tells_nothing(ground: Ground) -> None:
    """A filter by their unit, connector or contract answers as one by a name that nobody has."""
    somebody, parts = ground.people.by_kind[LIMITED], parts_of(ground.alfa)
    found: list[str] = []
    for call in READING:
        for word, values in ASKED_FOR.items() if not call.varies else ():
            texts = [(one, told(somebody.make(call, parts, **{word: one}))) for one in values]
            shown = [re.sub(one.replace(" ", "[ +]"), "…", text) for one, text in texts]
            found += [f"{call} by {word}: {apart(*shown)}"] if shown[0] != shown[1] else []
    nothing(found)


def test_secrets_are_never_seen_again(ground: Ground) -> None:
    """Not a connector's, not the hook's, no key, password, token, hash or session: in no answer, in no log line."""
    everyone = [one for kind, one in ground.people.by_kind.items() if kind != NOBODY]
    sessions = [one.client.cookies["outbox_session"] for one in everyone]
    secrets = (SECRET, SIGNING, KEY, PASSWORD, "$argon2", *sessions, *(str(one.token) for one in everyone))
    configure_log(Log(level="debug", format="json"), log := io.StringIO())
    get_log().debug("looking")
    texts = [(f"{call} by {kind}", ground.look(kind, call).text) for call in READING for kind in ("admin", LIMITED)]
    texts.append(("the log", log.getvalue()))
    assert "looking" in texts[-1][1]
    nothing(f"{where}: {secret[:12]}" for where, text in texts for secret in secrets if secret in text)


def test_every_answer_says_what_browsers_may(ground: Ground) -> None:
    """A policy without inline scripts, no sniffing, no frame, no referrer elsewhere, nothing kept by a cache.

    A document, such as a proof, may do even less: it has no script at all.
    """
    expected = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }
    for kind in (NOBODY, LIMITED):
        for call in CALLS if kind == NOBODY else READING:
            headers = ground.look(kind, call).headers
            policy = headers["content-security-policy"]
            document = "sandbox" in policy and "default-src 'none'" in policy and "script-src" not in policy
            asked = expected | ({"content-security-policy": policy} if document else {})
            assert {name: headers.get(name) for name in asked} == asked, call


def test_nothing_changes_without_a_form_of_the_same_session(ground: Ground) -> None:
    """No token, another session's, or one in a query: 403, whoever asks."""
    admin, other = ground.people.by_kind["admin"], ground.people.by_kind["operator"]
    for call in CHANGING:
        url = call.url(parts_of(ground.alfa))
        for form, headers in (({}, {}), ({"csrf": other.csrf}, {}), ({}, {"X-CSRF-Token": other.csrf})):
            answer = admin.client.request(call.method, url, data=form, headers=headers)
            assert (answer.status_code, "of this session" in answer.text) == (403, True), call
        assert admin.client.request(call.method, url, params={"csrf": admin.csrf}).status_code == 403, call


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
        self.faults += [f"<{tag} {name}>" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not given.get("src") and given.get("type") != "application/json"):
            self.faults.append(f"<{tag}> inline")
        loads = given.get("src") or (given.get("href") if tag == "link" else None) or ""
        sends = given.get("action") or given.get("formaction") or ""
        if loads.startswith(("//", "http:", "https:")) or sends.startswith(("//", "http:", "https:")):
            self.faults.append(f"<{tag}> to another host: {loads or sends}")


def test_pages_are_made_of_what_the_policy_allows(ground: Ground) -> None:
    """No inline script, style or event; nothing of another host; one main heading on a whole page."""
    for call in PAGES:
        answer = ground.look("admin", call)
        if is_page(answer.headers):
            found = Markup()
            found.feed(answer.text)
            assert found.faults == [], call
            assert found.headings == int("<html" in answer.text), call


def test_nobodys_host_is_repeated(ground: Ground) -> None:
    """Links and redirects are paths: a host that a request makes up stands in no answer."""
    admin = ground.people.by_kind["admin"].client
    made_up = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    answers = {call: admin.get(call.url(parts_of(ground.alfa)), headers=made_up) for call in PAGES}
    nothing(str(call) for call, one in answers.items() if "evil.example" in f"{one.headers} {one.text}")


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


def test_no_page_is_large(filled: Ground) -> None:
    """Below 100 kB, however much there is to show, but for what is downloaded or printed."""
    answers = {call: filled.look("admin", call) for call in PAGES}
    whole = {call: len(one.content) for call, one in answers.items() if is_page(one.headers)}
    nothing(f"{call}: {size:,} bytes" for call, size in whole.items() if size >= MOST_BYTES)
