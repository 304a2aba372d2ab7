"""Events, deliveries, attempts and what is done with them by the API: pages, exact values, counts first, on record."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outbox.web.site import Site
from tests.calls import Calls, calls_on
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_note,
    insert_queued,
    rewrite,
)
from tests.web import site_on

DIGITS = '{"amount": 12345678901234567890.1200, "id": 9007199254740993, "tiny": 1e-7}'


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site."""
    with site_on(database) as site:
        yield site


@pytest.fixture
def calls(site: Site) -> Iterator[Calls]:
    """An admin's."""
    with calls_on(site) as calls:
        yield calls


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A plain connection."""
    with connect(database) as connection:
        yield connection


def delivered(db: Connection, connector: int, count: int, **values: Any) -> list[int]:
    """So many events with a delivery each, an hour apart, the newest first; of outcomes by turns ok and dead."""
    found = []
    for number in range(count):
        at = datetime.now(UTC) - timedelta(hours=1 + number)
        event = insert_event(db, f"k{number}", occurred_at=at, **values)
        insert_delivery(db, event, connector, created_at=at)
        dead: dict[str, Any] = {
            "outcome": "timeout",
            "status_code": None,
            "error": "no answer within 15 s",
            "settled": "dead",
        }
        insert_attempt(db, event, connector, started_at=at, **(dead if number % 2 else {}))
        found.append(event)
    return found


def test_lists_come_by_pages_newest_first(db: Connection, calls: Calls) -> None:
    """Every entry once, whatever the size of a page; filters hold on every page."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    events = delivered(db, crm, 7)
    delivered(db, erp, 1, business_unit="bu2", trigger="send")
    for path, name in (("/events", "events"), ("/deliveries", "deliveries"), ("/attempts", "attempts")):
        for limit in (2, 7, 50):
            found = [one["event_id"] for one in calls.pages(path, name, limit=limit, business_unit="bu1")]
            assert found == events, (path, limit)
        assert len(calls.pages(path, name, limit=3)) == 8
        assert len(calls.pages(path, name, trigger="send")) == 1
        assert [one["event_id"] for one in calls.pages(path, name, contract="k3")] == [events[3]]
        assert len(calls.pages(path, name, limit=1, since="3h30m", until="1h30m", business_unit="bu1")) == 2
    for path, name in (("/deliveries", "deliveries"), ("/attempts", "attempts")):
        asked = {"connector": "crm", "limit": 2}
        failed = [one["event_id"] for one in calls.pages(path, name, outcome="timeout", **asked)]
        assert failed == (events[1::2] if path == "/attempts" else events[1::2][::-1])  # an index has failures by event
        assert len(calls.pages(path, name, error="no answer", **asked)) == 3
        assert len(calls.pages(path, name, status_code=200, **asked)) == 4
    assert len(calls.pages("/deliveries", "deliveries", state="dead", limit=2)) == 3


def test_an_event_keeps_every_digit(db: Connection, calls: Calls) -> None:
    """Its document as it was committed, its decisions; that it was read is on record."""
    crm = insert_connector(db, "crm")
    event = insert_event(db, "k1")
    rewrite(db, "UPDATE outbox.event SET document = CAST(%s AS jsonb) WHERE id = %s", [DIGITS, event])
    insert_decision(db, event, "deliver", connector_id=crm)
    answer = calls.get(f"/events/{event}")
    for digits in ("12345678901234567890.1200", "9007199254740993"):
        assert digits in answer.text
    [decision] = answer.json()["decisions"]
    assert (decision["connector"], decision["reason"], decision["state"]) == ("crm", "deliver", None)
    seen = db.execute("SELECT who, via, act, object, business_units FROM outbox.access_record").fetchall()
    assert seen == [("admin of None", "api", "looked", f"event {event}", ["bu1"])]


def test_content_is_told_by_its_own_call_and_put_on_record(db: Connection, calls: Calls) -> None:
    """Lists have no report and no answer; one delivery and one attempt have, bytes that are no text marked as such."""
    crm = insert_connector(db, "crm")
    event = insert_event(db, "k1")
    insert_delivery(db, event, crm, body=b'{"title":"planted"}')
    insert_attempt(db, event, crm, response_body=b"\xff\x00", response_headers={"server": "planted"})
    insert_attempt(db, event, crm, outcome="late", response_body=b"<script>late</script>")
    for path in ("/deliveries", "/attempts", "/events"):
        assert "planted" not in calls.get(path).text
    assert calls.get(f"/deliveries/{event}/{crm}").json()["body"] == '{"title":"planted"}'
    attempt = calls.get(f"/deliveries/{event}/{crm}/attempts/1").json()
    assert (attempt["response_body"], attempt["response_headers"]) == ("data:;base64,/wA=", {"server": "planted"})
    late = calls.get(f"/deliveries/{event}/{crm}/attempts/1", late="true").json()
    assert (late["late"], late["response_body"]) == (True, "<script>late</script>")
    assert calls.get(f"/deliveries/{event}/{crm}/attempts/2").status_code == 404
    looked = db.execute("SELECT object FROM outbox.access_record WHERE act = 'looked' ORDER BY id").fetchall()
    assert looked == [(f"delivery {event}/{crm}",), *[(f"attempt {event}/{crm}/1",)] * 2]


def test_a_replay_of_many_is_counted_first(db: Connection, calls: Calls) -> None:
    """dry_run, which nobody has to say, counts and does nothing; then it is done, who asked is on record."""
    delivered(db, insert_connector(db, "crm"), 6)
    counted = calls.post("/deliveries/replay", {"connector": "crm"}).json()
    assert (counted["dry_run"], counted["able"], counted["more"], counted["cursor"]) == (True, 3, False, None)
    assert db.execute("SELECT count(*) FROM outbox.queue").fetchone() == (0,)
    done = calls.post("/deliveries/replay", {"connector": "crm", "dry_run": False}).json()
    assert done["counted"] == [{"verdict": "again", "refused": False, "connector": "crm", "deliveries": 3}]
    assert db.execute("SELECT count(*) FROM outbox.queue").fetchone() == (3,)
    assert db.execute("SELECT DISTINCT asked_by FROM outbox.replay").fetchall() == [("admin of None",)]
    [(act, detail)] = db.execute("SELECT act, CAST(detail AS text) FROM outbox.access_record").fetchall()
    assert (act, json.loads(str(detail))) == ("replayed", {"filters": {"connector": "crm"}, "done": 3})
    refused = calls.post("/deliveries/cancel", {"connector": "crm"})
    assert refused.status_code == 422
    gone = calls.post("/deliveries/cancel", {"connector": "crm", "state": "pending", "dry_run": False}).json()
    assert (gone["able"], db.execute("SELECT count(*) FROM outbox.queue").fetchone()) == (3, (0,))


def test_one_delivery_is_replayed_and_cancelled_or_the_reason_is_told(db: Connection, calls: Calls) -> None:
    """Due again, then given up; a second cancel is refused in words, what isn't there is 404."""
    crm = insert_connector(db, "crm")
    [event] = delivered(db, crm, 1)
    path = f"/deliveries/{event}/{crm}"
    assert calls.post(f"{path}/replay").json()["verdict"] == "again"
    assert calls.post(f"{path}/cancel").json()["words"].startswith("is cancelled")
    again = calls.post(f"{path}/cancel")
    assert (again.status_code, "does not wait any more" in again.json()["detail"]) == (409, True)
    assert calls.post(f"/deliveries/{event}/99/replay").status_code == 404


def test_health_tells_what_waits_and_how_each_connector_does(db: Connection, calls: Calls) -> None:
    """Lag by what is due, counts, and of each connector its state and its last attempt."""
    crm = insert_connector(db, "crm")
    insert_connector(db, "erp", held_reason="10 attempts in a row failed")
    delivered(db, crm, 2)
    event = insert_event(db, "k9")
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, due_in=-60)
    insert_note(db, "k10")
    told = calls.get("/health").json()
    assert (told["waiting"], told["unrouted"], told["workers"], told["lag_seconds"] >= 60) == (1, 1, 0, True)
    assert [(one["name"], one["state"], one["waiting"]) for one in told["connectors"]] == [
        ("crm", "enabled", 1),
        ("erp", "held", 0),
    ]
    assert told["connectors"][1]["state_reason"] == "10 attempts in a row failed"
