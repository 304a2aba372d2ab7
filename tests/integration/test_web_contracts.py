"""The pages of contracts, of what was not sent and of expiry: what each shows, to whom, and what none may show."""

from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.web.site import Site
from tests.conftest import Database
from tests.erasures import erased
from tests.factories import (
    Connection,
    connect,
    create_source,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_note,
    insert_open,
    insert_queued,
)
from tests.web import csrf_of, post, signed_in, site_on

WORD = "Zaphod Beeblebrox"
ODD_IDS = (
    *("a/b", "/a//b/", "a b", 'say "hi"', "it's", "ü漢"),
    *("<script>alert(1)</script>", "a?b#c", "50%", "a\\b", "&amp;", "/not-sent", "a/../b"),
)


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site on the test's database."""
    with site_on(database) as made:
        yield made


@pytest.fixture
def ada(site: Site) -> Iterator[TestClient]:
    """An admin who isn't limited."""
    with signed_in(site) as client:
        yield client


@pytest.fixture
def bob(site: Site) -> Iterator[TestClient]:
    """An operator of business unit bu1 alone."""
    with signed_in(site, "bob", Role.OPERATOR, ("bu1",)) as client:
        yield client


def contract_url(contract: str) -> str:
    """Its page."""
    return f"/contracts/{quote(contract, safe='')}"


def text_of(client: TestClient, url: str, **params: Any) -> str:
    """A page that answers."""
    page = client.get(url, params=params or None)
    assert page.status_code == 200, (url, params, page.text)
    return page.text


def sent(db: Connection, event_id: int, connector_id: int, **attempt: Any) -> None:
    """Decided, delivered, answered."""
    insert_decision(db, event_id, "deliver", connector_id=connector_id)
    insert_delivery(db, event_id, connector_id)
    insert_attempt(db, event_id, connector_id, **attempt)


def test_a_contract_tells_its_story(db: Connection, ada: TestClient) -> None:
    """Old and new values, what was sent and what came of it, why not, and what stands for a coalesced event."""
    crm = insert_connector(db, "crm")
    erp = insert_connector(db, "erp", triggers=["create"])
    first = insert_event(db, "k1", "create", changed=None)
    second = insert_event(db, "k1", "update", changed={"amount": ["10.50", "12.00"], "note": None}, status="sent")
    third = insert_event(db, "k1", "update")
    sent(db, first, crm)
    sent(db, second, crm, outcome="http_error", settled="dead", error="receiver said no")
    insert_decision(db, second, "trigger_not_chosen", connector_id=erp)
    insert_decision(db, third, "coalesced", into_event_id=second)

    page = ada.get(contract_url("k1"))

    assert page.status_code == 200
    text = page.text
    for told in ("10.50", "12.00", "its values are not kept", "receiver said no", "HTTP 500", "delivered", "dead"):
        assert told in text, told
    assert f'href="/deliveries/{second}/{crm}"' in text
    assert "did not have the trigger update" in text
    assert f"Event {second} stands for it" in text
    assert text.index(f'id="event-{third}"') < text.index(f'id="event-{first}"')


def test_a_contract_that_moved_is_seen_by_each_side_alone(db: Connection, ada: TestClient, bob: TestClient) -> None:
    """Who is limited to one business unit sees the events of that one: no value, name, id or count of the other."""
    south = insert_connector(db, "south-crm", business_units=["bu2"])
    crm = insert_connector(db, "crm")
    before = insert_event(db, "moved", "create", changed={"title": [None, "north title"]})
    after = insert_event(db, "moved", "update", business_unit="bu2", changed={"title": ["north title", WORD]})
    behind = insert_event(db, "moved", "update")
    sent(db, before, crm)
    sent(db, after, south)
    insert_decision(db, behind, "deliver", connector_id=crm)
    insert_delivery(db, behind, crm)
    insert_delivery(db, after, crm)
    insert_queued(db, after, crm, position=1)
    insert_queued(db, behind, crm, position=2, ready=False)

    seen, whole = text_of(bob, contract_url("moved")), text_of(ada, contract_url("moved"))

    assert WORD in whole
    assert f"behind event {after}" in whole
    assert f'id="event-{before}"' in seen
    assert "blocked" in seen
    for hidden in (WORD, "south-crm", f'id="event-{after}"', "bu2", "behind event"):
        assert hidden not in seen, hidden
    assert bob.get(contract_url("moved"), params={"event": after}).status_code == 404


def test_what_one_may_not_see_answers_as_what_is_not_there(db: Connection, bob: TestClient) -> None:
    """To the byte: a contract, or an event, of another business unit, and one that nobody knows."""
    other = insert_event(db, "theirs", business_unit="bu2")
    mine = insert_event(db, "mine")

    unknown = bob.get(contract_url("unknown"))

    assert unknown.status_code == 404
    assert bob.get(contract_url("theirs")).text == unknown.text
    assert bob.get(contract_url("mine"), params={"event": other}).text == unknown.text
    assert bob.get(contract_url("theirs"), params={"event": mine}).text == unknown.text
    assert bob.get(contract_url("theirs"), params={"event": other, "document": "true"}).text == unknown.text
    for typed in ("theirs", "the", str(other)):
        assert "/contracts/theirs" not in text_of(bob, "/contracts", contract=typed)
    assert "/contracts/theirs" not in text_of(bob, "/contracts")
    assert "/contracts/theirs" not in text_of(bob, "/contracts", business_unit="bu2")


def test_any_contract_id_has_its_page(db: Connection, ada: TestClient) -> None:
    """Slashes, quotes, other scripts and markup: found by search, linked, and shown as the text that it is."""
    for contract in ODD_IDS:
        insert_event(db, contract, document={"title": "x"})
    for contract in ODD_IDS:
        found, page = text_of(ada, "/contracts", contract=contract), text_of(ada, contract_url(contract))

        assert f'href="{contract_url(contract)}"' in found
        assert "<script>alert" not in found + page
        shown = page.partition("<h1>")[2].partition("</h1>")[0]
        assert unescape(shown) == f"Contract {contract}"


def test_a_query_that_fits_nothing_finds_nothing(db: Connection, ada: TestClient) -> None:
    """No error of ours, whatever is typed into the address."""
    insert_event(db, "k1")
    for query in ("event=0", "event=-1", "event=x", f"event={2**70}", "before=x", "event=%00"):
        assert ada.get(f"/contracts/k1?{query}").status_code == 404, query
    assert ada.get("/contracts/k%001").status_code == 404
    assert ada.get("/contracts?contract=k%00").status_code == 200


def test_a_document_is_shown_where_asked_for_and_the_look_is_on_record(db: Connection, ada: TestClient) -> None:
    """The story links to it and doesn't hold it; who looked at what is in the record, the content is not."""
    event = insert_event(db, "k1", document={"title": WORD})

    story = text_of(ada, contract_url("k1"))
    whole = ada.get(contract_url("k1"), params={"event": event, "document": "true"}).text

    assert WORD not in story
    assert "Show the document" in story
    assert WORD in whole
    rows = db.execute(
        "SELECT who, act, object, business_units, detail::text FROM outbox.access_record"
        " WHERE act = 'looked' ORDER BY id"
    ).fetchall()
    assert [row[:4] for row in rows] == [("ada", "looked", "contract 'k1'", ["bu1"])] * 2
    assert '"document": false' in str(rows[0][4])
    assert '"document": true' in str(rows[1][4])
    assert WORD not in str(rows)


def test_a_long_contract_is_read_page_by_page(db: Connection, ada: TestClient) -> None:
    """Each event once, newest first, every page under 100 kB, though each has many changes and connectors."""
    for number in range(30):
        insert_connector(db, f"connector-with-quite-a-long-name-{number}")
    db.execute(
        """INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, changed)
           SELECT nextval('outbox.event_id'), now(), '700', '1:1:', 'update', 'long', 'bu1',
                  (SELECT jsonb_object_agg('column_' || c, jsonb_build_array(repeat('<old>', 900), repeat('&new', 900)))
                   FROM generate_series(1, 2) c)
           FROM generate_series(1, 40)"""
    )
    db.execute(
        """INSERT INTO outbox.decision (event_id, connector_id, connector_version, reason)
           SELECT e.id, c.id, 1, 'trigger_not_chosen' FROM outbox.event e, outbox.connector c"""
    )
    found: list[str] = []
    url: str | None = contract_url("long")
    while url is not None:
        page = ada.get(url)
        assert len(page.content) < 100_000
        found += [part.partition('"')[0] for part in page.text.split('id="event-')[1:]]
        url = page.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        url = url if 'rel="next"' in page.text else None
    alone = ada.get(contract_url("long"), params={"event": found[0]})

    assert [int(one) for one in found] == sorted(map(int, found), reverse=True)
    assert len(set(found)) == len(found) == 40
    assert len(alone.content) < 100_000
    assert alone.text.count("connector-with-quite") > 30


def test_what_was_erased_failed_or_waits_is_told(
    database: Database, db: Connection, ada: TestClient, bob: TestClient
) -> None:
    """An erasure with who and why, a change that could not be captured, an event that nobody has routed yet."""
    insert_event(db, "k1", changed={"title": [WORD, "x"]}, document={"title": WORD})
    erased(database)
    insert_note(db, "k1")
    db.execute(
        "INSERT INTO outbox.capture_error (rule, contract_id, sqlstate, message)"
        " VALUES ('rule 1', 'k1', '22P02', 'bad <b>value')"
    )

    page, limited = text_of(ada, contract_url("k1")), text_of(bob, contract_url("k1"))

    for told in ("the officer: request 17", "bad &lt;b&gt;value", "not captured", "not routed yet"):
        assert told in page, told
    assert WORD not in page
    assert "Its content was erased at" in limited
    assert "bad &lt;b&gt;" not in limited
    assert "request 17" not in limited


def test_the_present_row_is_shown_to_who_may_see_its_unit(db: Connection, ada: TestClient, bob: TestClient) -> None:
    """From the source, also where nothing was captured; of a contract that left one's unit it is not told."""
    create_source(db)
    db.execute(
        "INSERT INTO public.contract VALUES ('here', 'bu1', 'signed', %s), ('left', 'bu2', 'secretly', '{}'),"
        " ('old', 'bu1', 'o', '{}')",
        ('{"expires_at": "2031-05-06T00:00:00Z"}',),
    )
    insert_event(db, "here")
    insert_event(db, "left")

    here = text_of(bob, contract_url("here"))
    assert "signed" in here
    assert "2031-05-06" in here
    left = text_of(bob, contract_url("left"))
    assert "secretly" not in left
    assert "bu2" not in left
    assert "Nothing was captured of this contract" in text_of(bob, contract_url("old"))
    assert "secretly" in text_of(ada, contract_url("left"))


def test_not_sent_counts_by_reason_and_leads_to_the_connector(db: Connection, ada: TestClient) -> None:
    """A unit without connector leads to the form, a missing trigger to the connector, what would go now to backfill."""
    crm = insert_connector(db, "crm")
    for _ in range(3):
        insert_decision(db, insert_event(db, "a1", business_unit="nowhere"), "no_connector")
    insert_decision(db, insert_event(db, "a2", "review"), "trigger_not_chosen", connector_id=crm)
    insert_decision(db, insert_event(db, "a3", "update"), "no_connector")
    to_one = insert_event(db, "a4")
    insert_decision(db, to_one, "trigger_not_chosen", connector_id=crm)
    sent(db, to_one, insert_connector(db, "erp", triggers=["update"]))

    page = text_of(ada, "/not-sent")

    assert "5 events" in page
    assert 'href="/configurations/connectors/new/reporting/webhook?business_unit=nowhere&amp;trigger=update"' in page
    assert f'href="/configurations/connectors/{crm}/edit?trigger=review"' in page
    assert "/not-sent/backfill?connector=crm&amp;trigger=update&amp;since=" in page
    assert "/contracts/a4" not in page
    assert "/contracts/a1" not in text_of(ada, "/not-sent", reason="trigger_not_chosen")
    assert "/contracts/a2" not in text_of(ada, "/not-sent", business_unit="nowhere")
    assert "expected a moment" in text_of(ada, "/not-sent", until="whenever")


def test_not_sent_is_within_ones_business_units(db: Connection, bob: TestClient) -> None:
    """No line, count, contract or connector of another unit, nor of none; a shared one isn't offered to change."""
    insert_connector(db, "south", business_units=["bu2"])
    shared = insert_connector(db, "shared", business_units=["bu1", "bu2"], triggers=["create"])
    insert_decision(db, insert_event(db, "mine"), "trigger_not_chosen", connector_id=shared)
    for unit in ("bu2", None):
        insert_decision(db, insert_event(db, "theirs", "review", business_unit=unit), "no_connector")

    page = text_of(bob, "/not-sent")

    assert "1 event" in page
    assert "/contracts/mine" in page
    assert "Add update to shared" in page
    for hidden in ("theirs", "bu2", "south", f"/connectors/{shared}/edit"):
        assert hidden not in page, hidden
    assert "theirs" not in text_of(bob, "/not-sent", business_unit="bu2")


def test_backfill_counts_first_and_then_does_it_on_record(db: Connection, ada: TestClient) -> None:
    """What was counted is sent once; a second time nothing is missing."""
    insert_connector(db, "crm")
    for number in range(3):
        insert_decision(db, insert_event(db, f"k{number}", document={"title": "x"}), "no_connector")
    url = "/not-sent/backfill?connector=crm&trigger=update&since=1d"

    counted = ada.get(url)
    done = post(ada, "/not-sent/backfill", page=url, connector="crm", trigger="update", since="1d")
    again = ada.get(url)

    assert "3 events are missing at crm" in counted.text
    assert "outbox connectors backfill crm --trigger update --since" in counted.text
    assert done.status_code == 303, done.text
    assert db.execute("SELECT count(*) FROM outbox.queue").fetchone() == (3,)
    assert "Nothing to do" in again.text
    row = db.execute("SELECT who, object FROM outbox.access_record WHERE act = 'backfilled'").fetchone()
    assert row == ("ada", "connector 'crm'")


def test_backfill_needs_the_whole_connector(db: Connection, site: Site, bob: TestClient) -> None:
    """A shared one is refused, one of other units isn't there, a viewer may none; without our form nothing is done."""
    insert_connector(db, "shared", business_units=["bu1", "bu2"])
    insert_connector(db, "south", business_units=["bu2"])
    insert_connector(db, "mine")

    assert bob.get("/not-sent/backfill?connector=shared").status_code == 403
    assert bob.get("/not-sent/backfill?connector=south").text == bob.get("/not-sent/backfill?connector=nil").text
    assert bob.get("/not-sent/backfill?connector=mine").status_code == 200
    token = csrf_of(bob.get("/not-sent/backfill"))
    assert bob.post("/not-sent/backfill", data={"csrf": token, "connector": "shared"}).status_code == 403
    assert bob.post("/not-sent/backfill", data={"connector": "mine"}).status_code == 403
    assert bob.get("/not-sent/backfill?connector=mine&since=never&trigger=none").text.count('class="fault"') == 2
    with signed_in(site, "eve", Role.VIEWER) as eve:
        assert eve.get("/not-sent/backfill").status_code == 403
        assert "backfill" not in text_of(eve, "/not-sent")


def test_pages_say_so_where_there_is_nothing(db: Connection, ada: TestClient) -> None:
    """On an empty outbox every page answers, in words."""
    assert "Every event went to somebody" in text_of(ada, "/not-sent")
    assert "No contract has changed" in text_of(ada, "/contracts")
    assert "No mapping with" in text_of(ada, "/expiry")
    assert insert_open(db, insert_connector(db)) > 0
    assert "Every event went to somebody" in text_of(ada, "/not-sent")
