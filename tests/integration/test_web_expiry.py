"""The page of expiry, beside an application whose contracts expire: what comes, what was raised, what failed."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.insight import expiring as reading
from outbox.web.site import Site
from tests.conftest import Database
from tests.expiries import contract, expiring, scan, since
from tests.factories import connect, insert_attempt, insert_connector, insert_decision, insert_delivery
from tests.sources import Source
from tests.web import signed_in, site_on


@pytest.fixture
def source(database: Database) -> Source:
    """Contracts of two units: one each that expired, and one each that will."""
    made = expiring(database)
    for number, unit, deadline in (
        (1, 1, "now() - interval '1 hour'"),
        (2, 2, "now() - interval '1 hour'"),
        (11, 1, "now() + interval '2 days'"),
        (22, 2, "now() + interval '2 days'"),
        (33, 1, "now() + interval '20 days'"),
    ):
        contract(made, number, deadline, unit_id=str(unit))
    since(made)
    return made


@pytest.fixture
def site(source: Source) -> Iterator[Site]:
    """A site beside it."""
    with site_on(source.database) as made:
        yield made


def page_of(client: TestClient, url: str = "/expiry") -> str:
    """The page, which answers."""
    page = client.get(url)
    assert page.status_code == 200, page.text
    return page.text


def shows(page: str, *contracts: int) -> list[bool]:
    """Whether the page links to each of these contracts."""
    return [f'href="/contracts/{number}"' in page for number in contracts]


def test_what_comes_was_raised_and_sent(source: Source, site: Site) -> None:
    """The next week's deadlines, `expired` with what was sent of it, and the scan's state; further ahead when asked."""
    scan(source)
    with connect(source.database) as db:
        crm = insert_connector(db, business_units=["1"], triggers=["expired"])
        row = db.execute("SELECT id FROM outbox.event WHERE contract_id = '1' AND trigger = 'expired'").fetchone()
        assert row is not None
        event = int(str(row[0]))
        insert_decision(db, event, "deliver", connector_id=crm)
        insert_delivery(db, event, crm)
        insert_attempt(db, event, crm)
    with signed_in(site) as ada:
        page, further = page_of(ada), page_of(ada, "/expiry?within=30d")
        story = page_of(ada, "/contracts/1")
        south = page_of(ada, "/expiry?business_unit=South")

    assert shows(page, 1, 2, 11, 22, 33) == [True, True, True, True, False]
    assert shows(further, 33) == [True]
    assert shows(south, 1, 2, 11, 22) == [False, True, False, True]
    assert f'href="/deliveries/{event}/{crm}"' in page
    assert "raised 2" in page
    assert "Deadlines that were raised" in story


def test_who_is_limited_sees_the_deadlines_of_their_units(source: Source, site: Site) -> None:
    """Neither another unit's deadlines, past or to come, nor when the scan expects the next, nor how many it raised."""
    scan(source)
    with signed_in(site, "bob", Role.VIEWER, ("1",)) as bob:
        page, asked = page_of(bob), page_of(bob, "/expiry?business_unit=2")

    assert shows(page, 1, 2, 11, 22) == [True, False, True, False]
    assert shows(asked, 1, 2, 11, 22) == [False, False, False, False]
    assert "raised 2" not in page
    assert "South" not in page


def test_a_look_ahead_says_how_far_it_went(source: Source, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many to look at, the page goes on where it stopped, and shows each."""
    monkeypatch.setattr(reading, "LOOKED_AHEAD", 2)
    source.run(
        "INSERT INTO contract (id, expires_at) SELECT n, now() + interval '3 days' FROM generate_series(12, 13) n",
        "INSERT INTO contract (id, expires_at) VALUES (14, now() + interval '4 days')",
    )
    with signed_in(site) as ada:
        pages = [page_of(ada)]
        while "Look further ahead" in pages[-1]:
            link = pages[-1].partition('">Look further ahead')[0].rpartition('href="')[2].replace("&amp;", "&")
            pages.append(page_of(ada, link))

    found = [number for page in pages for number in (11, 22, 12, 13, 14, 33) if shows(page, number)[0]]
    assert found == [11, 22, 12, 13, 14]
    assert "More contracts share the last moment" in "".join(pages)


def test_what_could_not_be_raised_is_told_to_who_is_not_limited(source: Source, site: Site) -> None:
    """With the reason; and a source that no longer fits is said, not an error."""
    source.run(
        "INSERT INTO outbox.capture_error (rule, contract_id, occurred_at, sqlstate, message)"
        " VALUES ('expired', '77', now(), '22P02', 'no <b>number')"
    )
    with signed_in(site) as ada, signed_in(site, "bob", Role.VIEWER, ("1",)) as bob:
        page, limited = page_of(ada), page_of(bob)
        source.run("ALTER TABLE contract RENAME expires_at TO ends_at")
        broken, broken_limited = page_of(ada), page_of(bob)

    assert "no &lt;b&gt;number" in page
    assert "no &lt;b&gt;number" not in limited
    assert "expires_at does not exist" in broken
    assert "The deadlines can't be read now" in broken
    assert "expires_at does not exist" not in broken_limited
