"""The pages of deliveries: what they show, to whom, that content stays text, and what is done by them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.web.site import Site
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_open,
)
from tests.web import csrf_of, post, signed_in, site_on

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """The dashboard on the test's database."""
    with site_on(database) as site:
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[TestClient]:
    """An admin's browser."""
    with signed_in(site) as client:
        yield client


def delivered(db: Connection, owner: int, contract_id: str = "k1", **values: Any) -> int:
    """A delivery that was taken at once; its event's id. `body` is the report's, the rest the attempt's."""
    unit, body = values.pop("business_unit", "bu1"), values.pop("body", b'{"id":1}')
    event = insert_event(db, contract_id, business_unit=unit)
    insert_delivery(db, event, owner, body=body)
    insert_attempt(db, event, owner, **values)
    return event


def acts(db: Connection) -> list[tuple[object, ...]]:
    """What is on record beside signing in."""
    return db.execute(
        "SELECT who, act, object, business_units FROM outbox.access_record WHERE act <> 'signed in' ORDER BY id"
    ).fetchall()


def test_the_list_shows_what_the_filters_find(client: TestClient, db: Connection) -> None:
    """Each filter is part of the URL, and has a link that takes it off."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    first, second = delivered(db, crm), delivered(db, erp, "k 2/3")

    page = client.get("/deliveries", params={"connector": "erp", "contract": "k 2/3"})

    assert f'href="/deliveries/{second}/{erp}"' in page.text
    assert f'href="/deliveries/{first}/{crm}"' not in page.text
    assert 'href="/deliveries?contract=k+2%2F3"' in page.text
    assert 'href="/contracts/k%202%2F3"' in page.text
    assert 'data-live="/deliveries/rows?connector=erp&amp;contract=k+2%2F3"' in page.text
    assert f'href="/deliveries/{second}/{erp}"' in client.get("/deliveries/rows?connector=erp").text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=ded", "expected a known word, got 'ded'"),
        ("since=yesterday", "expected a moment"),
        ("status_code=x", "expected a number"),
        ("since=1h&until=2h", "before the other"),
        ("connector=nobody", "expected the name of a connector"),
        ("cursor=abc", "start anew"),
    ],
)
def test_what_a_filter_can_t_mean_is_said_at_it(client: TestClient, query: str, words: str) -> None:
    """With all that was typed still there."""
    page = client.get(f"/deliveries?{query}")

    assert page.status_code == 422
    assert words in unescape(page.text)


def test_a_delivery_tells_its_way(client: TestClient, db: Connection) -> None:
    """From commit to answer, with each try, what it sent and what came back; and looking is on record."""
    crm = insert_connector(db, username="hook")
    event = insert_event(db, "k1", status="sent")
    insert_delivery(db, event, crm, body=b'{"amount":12.50}')
    started = datetime.now(UTC) - timedelta(minutes=3)
    insert_attempt(
        db, event, crm, 1, outcome="http_error", status_code=503, error="HTTP 503 Service Unavailable",
        started_at=started, timings={"dns": 1.5, "connect": 2.0, "first_byte": 9.0, "total": 12.5},
        request_headers={"webhook-id": "dlv_1_1", "Authorization": "[redacted]"},
        response_headers={"content-type": "text/html"}, response_body=EVIL.encode(),
    )  # fmt: skip
    insert_attempt(db, event, crm, 2, started_at=started + timedelta(minutes=1), response_body=b"thanks")

    page = client.get(f"/deliveries/{event}/{crm}?attempt=1")

    text = unescape(page.text)
    expected: tuple[str, ...] = (
        "captured in the application's transaction, status sent",
        "Attempt 2",
        "waiting for the first byte",
    )
    expected += ('"amount": 12.50', "[redacted]", "curl --silent", "--header 'Authorization: '\"$AUTHORIZATION\"")
    assert [words for words in expected if words not in text] == []
    assert EVIL not in page.text
    assert EVIL in text
    assert "thanks" in client.get(f"/deliveries/{event}/{crm}").text
    assert acts(db) == [("ada", "looked", f"delivery {event}/{crm}", ["bu1"])] * 2
    assert len(page.content) < 100_000


def test_content_is_shown_safely_whatever_it_is(client: TestClient, db: Connection) -> None:
    """No UTF-8, control signs, very long: text and the beginning; the whole is a download that nothing runs."""
    crm = insert_connector(db)
    huge = b"\xff\x00\x1b[31m" + "\u202e".encode() + EVIL.encode() + b"<" * 300_000
    event = delivered(db, crm, body=huge, response_body=huge, response_headers={"content-type": "application/json"})

    page = client.get(f"/deliveries/{event}/{crm}")

    assert len(page.content) < 100_000
    assert "not valid UTF-8" in page.text
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    assert EVIL not in page.text
    for part in ("report", "attempts/1/answer"):
        file = client.get(f"/deliveries/{event}/{crm}/{part}")
        assert file.content == huge
        assert file.headers["content-type"].startswith("text/plain")
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["content-disposition"].startswith("attachment")
    assert [act for _, act, _, _ in acts(db)] == ["looked", "downloaded", "downloaded"]


def test_replay_and_cancel_of_one(client: TestClient, db: Connection) -> None:
    """Each says what it did, and stands on record with who asked."""
    crm = insert_connector(db)
    event = delivered(db, crm)
    url = f"/deliveries/{event}/{crm}"

    answer = post(client, f"{url}/replay", page=url)
    assert answer.headers["location"] == url
    assert "is due again" in client.get(url).text
    assert db.execute("SELECT kind FROM outbox.queue").fetchall() == [("replay",)]
    assert post(client, f"{url}/cancel", page=url).status_code == 303
    assert "is cancelled" in client.get(url).text
    assert db.execute("SELECT count(*) FROM outbox.queue").fetchone() == (0,)
    refused = post(client, f"{url}/cancel", page=url)
    assert refused.status_code == 409
    assert "does not wait any more" in refused.text
    assert ("ada", "replayed", f"delivery {event}/{crm}", ["bu1"]) in acts(db)
    assert db.execute("SELECT asked_by FROM outbox.replay").fetchall() == [("ada",)]


def test_why_it_waits_and_what_a_replay_would_do(client: TestClient, db: Connection) -> None:
    """Blocked by which event, held by what; a replay that would be refused has no button, but the reason."""
    crm = insert_connector(db)
    head, next_one = insert_open(db, crm, due_in=600), insert_open(db, crm, ready=False)
    page = client.get(f"/deliveries/{next_one}/{crm}")
    assert "waits behind an earlier report" in page.text
    assert f'href="/deliveries/{head}/{crm}"' in page.text

    disable_connector(db, crm)
    page = client.get(f"/deliveries/{head}/{crm}")
    assert "waits until its connector is enabled: by hand" in page.text
    assert "enable it" in page.text
    assert f'action="/deliveries/{head}/{crm}/replay"' not in page.text
    assert f'action="/deliveries/{head}/{crm}/cancel"' in page.text


def test_other_units_don_t_exist(site: Site, db: Connection) -> None:
    """In no list, count, page, file or act: an id of theirs answers as one that there never was."""
    crm = insert_connector(db, business_units=["bu1", "bu2"])
    mine, theirs = delivered(db, crm, business_unit="bu1"), delivered(db, crm, "k9", business_unit="bu2", number=1)
    waiting = insert_event(db, "k8", business_unit="bu2")
    insert_delivery(db, waiting, crm)
    with signed_in(site, "otto", Role.OPERATOR, ("bu1",)) as client:
        listed = client.get("/deliveries").text
        assert f"/deliveries/{mine}/{crm}" in listed
        assert f"/deliveries/{theirs}/{crm}" not in listed
        absent = client.get(f"/deliveries/{theirs + 1000}/{crm}")
        for path in ("", "/way", "/report", "/attempts/1/answer"):
            found = client.get(f"/deliveries/{theirs}/{crm}{path}")
            assert (found.status_code, found.text) == (404, absent.text)
        token = csrf_of(client.get(f"/deliveries/{mine}/{crm}"))
        for act in ("replay", "cancel"):
            assert client.post(f"/deliveries/{theirs}/{crm}/{act}", data={"csrf": token}).status_code == 404
        all_of_crm = "/deliveries/all?act=replay&connector=crm"
        assert "1 delivery is found" in client.get(all_of_crm).text
        done = post(client, "/deliveries/all", page=all_of_crm, act="replay", connector="crm")
        assert "1 delivery replayed" in done.text
    assert db.execute("SELECT event_id FROM outbox.queue").fetchall() == [(mine,)]


def test_viewers_look_and_do_nothing(site: Site, db: Connection) -> None:
    """No button, and no way by hand."""
    crm = insert_connector(db)
    event = insert_open(db, crm)
    with signed_in(site, "vera", Role.VIEWER) as client:
        page = client.get(f"/deliveries/{event}/{crm}")
        assert "/replay" not in page.text
        for path in (f"/deliveries/{event}/{crm}/replay", f"/deliveries/{event}/{crm}/cancel", "/deliveries/all"):
            assert client.post(path, data={"csrf": csrf_of(page), "act": "replay"}).status_code == 403
        assert client.get("/deliveries/all?act=replay&state=dead").status_code == 403


def test_all_found_is_counted_then_done(client: TestClient, db: Connection) -> None:
    """Only what stood when it was counted; who asked, by what filters and how many is on record."""
    crm = insert_connector(db)
    dead = [delivered(db, crm, f"k{n}", outcome="timeout", status_code=None, settled="dead") for n in range(3)]
    page = client.get("/deliveries/all", params={"act": "replay", "state": "dead"})
    assert "3 deliveries are found" in page.text
    assert "sent again" in page.text
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    later = delivered(db, crm, "k9", outcome="timeout", status_code=None, settled="dead")

    done = client.post("/deliveries/all", data={name: unescape(text) for name, text in form.items()})

    assert "3 deliveries replayed." in done.text
    queued = {row[0] for row in db.execute("SELECT event_id FROM outbox.queue")}
    assert queued == set(dead)
    assert later not in queued
    row = db.execute("SELECT act, detail FROM outbox.access_record WHERE object = 'deliveries'").fetchone()
    assert row is not None
    assert row[0] == "replayed"
    assert json.loads(json.dumps(row[1]))["done"] == 3


def test_all_found_keeps_to_the_time_that_was_counted(client: TestClient, db: Connection) -> None:
    """Whoever thinks a while before they click, or whose replay takes many requests, means the hour that was shown."""
    delivered(db, insert_connector(db), outcome="timeout", status_code=None, settled="dead")
    began, hour = datetime.now(UTC), timedelta(hours=1)
    page = client.get("/deliveries/all?act=replay&state=dead&since=1h").text
    form = {name: unescape(text) for name, text in re.findall(r'name="(\w+)" value="([^"]*)"', page)}

    assert began - hour <= datetime.fromisoformat(form["since"]) <= datetime.now(UTC) - hour
    assert "1 delivery replayed." in client.post("/deliveries/all", data={**form, "before": "none"}).text


def test_cancelling_all_takes_what_was_counted(client: TestClient, db: Connection) -> None:
    """Of a lane its head alone is pending: what follows it is not cancelled with it, though it is pending then."""
    crm = insert_connector(db)
    head, second = insert_open(db, crm), insert_open(db, crm, ready=False)
    url = "/deliveries/all?act=cancel&state=pending"
    assert "1 delivery is found" in client.get(url).text

    assert "1 delivery cancelled." in post(client, "/deliveries/all", page=url, act="cancel", state="pending").text
    assert db.execute("SELECT event_id, ready FROM outbox.queue").fetchall() == [(second, True)]
    assert client.get("/deliveries/all?act=cancel&state=delivered").status_code == 422
    assert head < second
