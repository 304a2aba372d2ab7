"""The Dashboard's pages and parts: what they say, to whom, and how large they are."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
    insert_note,
    insert_queued,
    install_source,
)
from tests.web import signed_in, site_on

NOW = datetime.now(UTC)
MOST_BYTES = 100_000


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site on the test's database."""
    with site_on(database) as opened:
        yield opened


@pytest.fixture
def client(site: Site) -> Iterator[TestClient]:
    """An admin's browser."""
    with signed_in(site) as client:
        yield client


def delivered(db: Connection, connector: int, unit: str = "bu1", **values: Any) -> int:
    """A delivery that was routed and attempted a minute ago."""
    at = NOW - timedelta(minutes=1)
    event = insert_event(db, occurred_at=at, business_unit=unit)
    insert_delivery(db, event, connector, created_at=at)
    insert_attempt(db, event, connector, **{"started_at": at, **values})
    return event


def waiting(db: Connection, connector: int, unit: str = "bu1", **values: Any) -> int:
    """One that waits."""
    event = insert_event(db, business_unit=unit)
    insert_delivery(db, event, connector)
    insert_queued(db, event, connector, **values)
    return event


def alive(db: Connection) -> None:
    """A worker that gives a sign of life."""
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('h:1', 'h', 1, '1', 'requests')"
    )


def text_of(client: TestClient, path: str = "/dashboard/now") -> str:
    """What a page says, without its markup."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


def test_all_is_well_where_nothing_is_wrong(db: Connection, client: TestClient) -> None:
    """In one line, with what is on its way."""
    alive(db)
    crm = insert_connector(db)
    delivered(db, crm)
    waiting(db, crm, due_in=20)

    said = text_of(client)

    assert "All is well. 1 on its way." in said
    assert "Waiting 1 1 pending" in said
    assert "Success, last hour 100 % 1 attempt" in said
    assert "Connectors that don&#39;t send" not in said


def test_what_is_wrong_is_told_with_ways_to_it(db: Connection, client: TestClient) -> None:
    """Held and disabled connectors by name and reason, what waits, what went dead, what wasn't captured."""
    held = insert_connector(db, "held one", held_reason="HTTP 503 <b>ten times</b>")
    off, well = insert_connector(db, "off"), insert_connector(db, "well")
    disable_connector(db, off, "by hand, on holiday")
    waiting(db, held)
    waiting(db, well, due_in=-600)
    delivered(db, well, outcome="http_error", settled="dead")
    db.execute("INSERT INTO outbox.capture_error (rule, sqlstate, message) VALUES ('r', '22P02', 'm')")

    page = client.get("/").text
    said = text_of(client)

    assert "no worker runs" in said
    assert "1 change was not captured" in said
    assert "1 delivery waits since 10 min" in said
    assert "1 connector is held , 1 delivery waits for it" in said
    assert "1 delivery went dead within 24 h" in said
    assert "HTTP 503 &lt;b&gt;ten times" in page
    assert "by hand, on holiday" in said
    assert 'href="/deliveries?state=dead&amp;since=' in page
    assert 'href="/configurations/connectors?state=held"' in page


def died(db: Connection, connector: int, at: datetime, unit: str = "bu1", **values: Any) -> int:
    """A delivery that was routed then, and whose last attempt failed then or at another time."""
    event = insert_event(db, occurred_at=at, business_unit=unit)
    insert_delivery(db, event, connector, created_at=at)
    insert_attempt(db, event, connector, **{"started_at": at, "outcome": "http_error", "settled": "dead", **values})
    return event


def test_what_went_dead_is_told_whatever_is_replayed(db: Connection, site: Site) -> None:
    """As alerts tell it: replays of old deliveries hide none of today's, and what is sent again isn't dead."""
    alive(db)
    crm, old = insert_connector(db, business_units=["bu1", "bu2"]), NOW - timedelta(days=3)
    for _ in range(3):
        insert_attempt(db, died(db, crm, old), crm, 2, kind="replay", settled="delivered", started_at=NOW)
    died(db, crm, old, started_at=NOW - timedelta(hours=2))
    died(db, crm, NOW - timedelta(hours=1), "bu2")
    insert_queued(db, died(db, crm, NOW), crm, kind="replay", attempts=1)

    with signed_in(site) as client:
        said, page = text_of(client), client.get("/").text
    with signed_in(site, "bea", within=("bu2",)) as limited:
        theirs = text_of(limited)

    assert "2 deliveries went dead within 24 h" in said
    assert f"state=dead&amp;since={old:%Y-%m-%d}" in page
    assert "1 delivery went dead within 24 h" in theirs


def test_what_waits_for_its_turn_is_not_late(db: Connection, client: TestClient) -> None:
    """Of the same hour: what is behind another, and what is due later."""
    alive(db)
    crm = insert_connector(db)
    waiting(db, crm, due_in=-600)
    waiting(db, crm, due_in=-600, ready=False)
    waiting(db, crm, due_in=600)

    assert "1 delivery waits since 10 min" in text_of(client)


def test_what_alerts_tell_of_the_whole_is_told(db: Connection, site: Site) -> None:
    """All isn't well where changes fall beside their partitions, though every delivery does."""
    alive(db)
    insert_event(db, id=10**12, business_unit="bu1")

    with signed_in(site) as client:
        assert "a default partition holds rows" in text_of(client)
    with signed_in(site, "bea", within=("bu1",)) as limited:
        assert "partition" not in text_of(limited)


def test_a_capture_trigger_that_is_off_is_told(database: Database, db: Connection, client: TestClient) -> None:
    """The one fault of which nothing else on the page could tell: nothing comes, so nothing is late."""
    alive(db)
    install_source(database)
    db.execute("ALTER TABLE public.contract DISABLE TRIGGER USER")

    assert "changes are not captured" in text_of(client)


def test_events_that_are_not_routed_are_a_lag(db: Connection, client: TestClient) -> None:
    """They have no delivery yet, and are late all the same."""
    alive(db)
    note = insert_note(db)
    db.execute("UPDATE outbox.inbox SET occurred_at = now() - interval '5 minutes' WHERE event_id = %s", (note,))

    assert "1 event waits for routing since 5 min" in text_of(client)


def test_who_is_limited_sees_figures_of_their_units_alone(db: Connection, site: Site) -> None:
    """Of a connector shared with others too; nothing tells how the others fare, nor how the service does."""
    shared, theirs = (
        insert_connector(db, "shared", business_units=["bu1", "bu2"]),
        insert_connector(db, "theirs", business_units=["bu2"], held_reason="no answer"),
    )
    delivered(db, shared, "bu1")
    for _ in range(3):
        delivered(db, shared, "bu2", outcome="http_error", settled="dead")
        waiting(db, shared, "bu2", due_in=-900)
    waiting(db, theirs, "bu2", due_in=-900)
    insert_note(db, business_unit="bu2")
    db.execute("INSERT INTO outbox.capture_error (rule, sqlstate, message) VALUES ('r', '22P02', 'm')")
    with signed_in(site, "bea", Role.VIEWER, ("bu1",)) as client:
        said, page = text_of(client), client.get("/")

        assert "All is well." in said
        assert "Waiting 0 nothing waits" in said
        assert "Success, 24 hours 100 % 1 attempt" in said
        assert "Dead letters 0" in said
        assert "Not captured" not in said
        assert "give a sign of life" not in said
        assert "To be routed" not in said
        assert "theirs" not in page.text
        assert "bu2" not in page.text
        assert page.text.count('class="delivered" href') == 1
        for path in ("/dashboard/grid?business_unit=bu2", "/dashboard/grid?state=trouble"):
            assert "No connector is like that" in text_of(client, path)
        hour = int(NOW.timestamp()) // 3600
        assert client.get(f"/dashboard/{shared}/{hour}h").status_code == 303
        unseen, missing = client.get(f"/dashboard/{theirs}/{hour}h"), client.get(f"/dashboard/999/{hour}h")
        assert (unseen.status_code, missing.status_code) == (404, 404)
        assert unseen.text == missing.text
    with signed_in(site, "ada") as client:
        assert "6 deliveries" not in said
        assert "3 deliveries went dead within 24 h" in text_of(client)


def test_a_square_leads_to_its_deliveries(db: Connection, client: TestClient) -> None:
    """Of that connector, unit and hour, or day."""
    crm = insert_connector(db, "crm & co")
    delivered(db, crm, outcome="http_error", settled="dead")
    page = client.get("/").text
    (path,) = re.findall(r'<a class="all-failed" href="([^"]+)"[^>]*title="[^"]*: 1 dead"', page)

    answer = client.get(path.replace("&amp;", "&"))

    since = (NOW - timedelta(minutes=1)).replace(minute=0)
    assert answer.status_code == 303
    assert answer.headers["location"] == (
        f"/deliveries?connector=crm+%26+co&business_unit=bu1&since={since:%Y-%m-%dT%H}%3A00Z"
        f"&until={since + timedelta(hours=1):%Y-%m-%dT%H}%3A00Z"
    )
    days = client.get("/dashboard/grid?grid=30d").text
    (day,) = re.findall(r'<a class="all-failed" href="([^"]+)"', days)
    assert f"since={since:%Y-%m-%d}T00%3A00Z" in client.get(day.replace("&amp;", "&")).headers["location"]


def test_a_square_that_is_none_is_not_found(client: TestClient) -> None:
    """Whatever the link says."""
    for path in ("5/x", "5/h", "5/99999999999h", "5/-1h", "5/1m", "x/1h", "5/\N{SUPERSCRIPT TWO}h"):
        assert client.get(f"/dashboard/{path}").status_code == 404


def test_a_receiver_that_fails_shows_before_its_deliveries_are_dead(db: Connection, client: TestClient) -> None:
    """What waits after a failure is told apart from what waits its turn."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    waiting(db, crm, last_error="HTTP 503")
    waiting(db, erp)

    page = client.get("/").text

    assert re.search(r'<a class="all-failed" [^>]*title="[^"]*: 1 being retried"', page)
    assert re.search(r'<a class="waiting" [^>]*title="[^"]*: 1 waiting"', page)


def test_a_hundred_busy_connectors_are_a_small_page(db: Connection, client: TestClient) -> None:
    """Each square of each row has something to tell; further rows are on further pages, each row on one."""
    unit = "4711b5cf-95b3-4bd6-8aa1-7fef9f1b9a3d"
    for number in range(100):
        insert_connector(db, f"connector of department {number}", business_units=[unit])
    db.execute(
        "INSERT INTO outbox.figure (minutes, since, connector_id, business_unit, routed, attempts, ok, delivered,"
        " retried, dead, cancelled, delivery_bins, delivery_counts)"
        " SELECT 60, h, c, %s, h, 2000, 1900, 1900, 120, 100, 0, ARRAY[60, 70, 80], ARRAY[1000, 500, 400]"
        " FROM generate_series(date_trunc('hour', now()) - interval '50 hours', now(), '1 hour') AS h,"
        " generate_series(1, 100) AS c",
        (unit,),
    )
    db.execute("UPDATE outbox.counted SET until = now() + interval '1 hour' WHERE minutes = 60")
    for kind, pages in (("24h", 7), ("48h", 13), ("30d", 9)):
        met: list[str] = []
        for page in range(1, pages + 1):
            answer = client.get(f"/?grid={kind}&page={page}")
            assert len(answer.content) < MOST_BYTES
            met += re.findall(r'scope="row"><a href="/configurations/connectors/(\d+)"', answer.text)
        assert sorted(map(int, met)) == list(range(1, 101))


def test_the_grid_is_chosen_by_name_unit_and_state(db: Connection, client: TestClient) -> None:
    """By a part of the name; the state `trouble` is what failed or doesn't send."""
    insert_connector(db, "alpha", business_units=["bu1"])
    insert_connector(db, "beta", business_units=["bu2"], held_reason="no answer")

    def names(query: str) -> list[str]:
        return re.findall(r'/configurations/connectors/\d+">([^<]+)<', client.get(f"/dashboard/grid?{query}").text)

    assert names("") == ["alpha", "beta"]
    assert names("connector=LPH") == ["alpha"]
    assert names("business_unit=bu2") == ["beta"]
    assert names("state=trouble") == ["beta"]
    assert names("state=enabled") == ["alpha"]
    assert names("grid=nonsense&page=-4") == ["alpha", "beta"]


def test_curves_show_volume_and_percentiles(db: Connection, client: TestClient) -> None:
    """Of each span; as pictures, and as tables for who can't see them."""
    crm = insert_connector(db)
    delivered(db, crm, duration_ms=400)
    delivered(db, crm, outcome="timeout", status_code=None)

    for last in ("1h", "24h", "7d", "30d"):
        part = client.get(f"/dashboard/curves?last={last}").text

        assert part.count("<svg viewBox") == 3
        assert '<rect class="delivered"' in part
        assert 'fill="url(#hatch)"' in part
        assert '<circle class="p99"' in part
        said = " ".join(re.sub(r"<[^>]*>", " ", part).split())
        assert re.search(r" 1 1( |$)", said)
        assert re.search(r" 4[0-3]\d ms", said)


def test_an_empty_outbox_has_a_dashboard(client: TestClient) -> None:
    """Before the first connector and the first event."""
    page = client.get("/")

    assert page.status_code == 200
    assert "No connector yet." in page.text
    assert "Nothing in this time." in page.text


def test_every_way_on_leads_somewhere(db: Connection, client: TestClient) -> None:
    """What the verdict, the tiles, the grid and its squares link to is there, and understands what it is asked."""
    held, well = insert_connector(db, "held one", held_reason="no answer"), insert_connector(db, "well")
    waiting(db, held)
    waiting(db, well, due_in=-600)
    delivered(db, well, outcome="http_error", settled="dead")
    main = client.get("/").text.partition("<main")[2]
    paths = {path.replace("&amp;", "&") for path in re.findall(r'href="(/[^"]*)"', main)}

    assert len(paths) > 15
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 303:
            answer = client.get(answer.headers["location"])
        assert answer.status_code == 200, path
        assert 'class="fault"' not in answer.text, path
