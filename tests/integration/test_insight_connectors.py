"""What people see of connectors: figures, states, errors, versions, and nothing of others' business units."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection as Reading

from outbox.access import Within
from outbox.insight.connector_page import STRETCHES, course, faults, open_deliveries, recent, standing, upcoming
from outbox.insight.connector_versions import version, versions
from outbox.insight.connectors import Figures, Grouping, Listing, Wanted, figures, listing
from outbox.model import Outcome, State, Trigger
from outbox.secret_box import SecretBox
from tests.conftest import Database
from tests.connectors import edit, make
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    hold,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_queued,
)

A, B = ("a",), ("b",)
NOW = datetime.now(UTC)


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def reading(database: Database) -> Iterator[Reading]:
    """A connection to look with."""
    with database.engine.connect() as connection:
        yield connection


def delivered(db: Connection, connector: int, unit: str | None, *, queued: bool = False, **attempt: Any) -> int:
    """A delivery of this unit a moment ago, tried once or still queued; its event's id."""
    event = insert_event(db, f"{unit}-1", business_unit=unit)
    insert_delivery(db, event, connector)
    if queued:
        insert_queued(db, event, connector)
    else:
        insert_attempt(db, event, connector, **{"started_at": NOW - timedelta(minutes=2), **attempt})
    return event


@pytest.fixture
def shared(db: Connection) -> int:
    """A connector of units a and b; of b much, all of it told by times, words and numbers of b's own."""
    connector = insert_connector(db, business_units=["a", "b"])
    delivered(db, connector, "a", duration_ms=10)
    delivered(db, connector, "a", outcome="http_error", status_code=500, error="of a", duration_ms=20)
    delivered(db, connector, "a", queued=True)
    for _ in range(5):
        delivered(
            db, connector, "b", outcome="timeout", status_code=None, error="of b", settled="dead", duration_ms=9000
        )
        delivered(db, connector, "b", started_at=NOW - timedelta(minutes=1), duration_ms=9000)
        delivered(db, connector, "b", queued=True)
    delivered(db, connector, None, duration_ms=9000)
    return connector


def names(found: Listing) -> list[str]:
    """The names on the page."""
    return [one.name for one in found.rows]


def test_figures_are_of_the_units_in_sight(reading: Reading, shared: int) -> None:
    """Attempts, success, the last outcome and what waits: none of another unit's, nor of none's."""
    assert figures(reading, [shared], within=A) == {
        shared: Figures(2, 1, NOW - timedelta(minutes=2), Outcome.HTTP_ERROR, 500, waiting=1)
    }
    assert figures(reading, [shared], within=B)[shared].attempts == 10
    assert figures(reading, [shared], within=None)[shared].attempts == 13


def test_a_page_has_nothing_of_other_units(reading: Reading, shared: int) -> None:
    """Counts by state, latencies, errors, recent and waiting deliveries are those of the unit in sight alone."""
    found = standing(reading, shared, within=A)
    assert found is not None

    opened = open_deliveries(reading, found.connector, within=A)
    done = course(reading, shared, STRETCHES["1h"], within=A)

    assert (opened.waiting, opened.by_state[State.PENDING], opened.more) == (1, 1, False)
    assert (done.whole.attempts, done.whole.ok, done.whole.dead) == (2, 1, 0)
    assert done.whole.answer_ms == (15.0, 19.5, 19.9)
    assert sum(part.attempts for part in done.parts) == 2
    assert [one.words for one in faults(reading, shared, NOW - timedelta(days=1), within=A)] == ["of a"]
    assert {one.business_unit for one in recent(reading, shared, within=A)} == {"a"}
    assert {one.business_unit for one in upcoming(reading, shared, within=A)} == {"a"}


def test_who_is_not_limited_sees_all_of_it(reading: Reading, shared: int) -> None:
    """What belongs to no business unit, too."""
    assert course(reading, shared, STRETCHES["24h"], within=None).whole.attempts == 13
    assert {one.words for one in faults(reading, shared, NOW - timedelta(days=1), within=None)} == {"of a", "of b"}


def test_a_connector_of_other_units_is_not_there(db: Connection, reading: Reading) -> None:
    """Its id answers as one that there never was, in the list, its page and its versions."""
    other = insert_connector(db, "other", business_units=["b"])

    assert standing(reading, other, within=A) is None
    assert standing(reading, other + 1, within=A) is None
    assert versions(reading, other, within=A, names={}) == ()
    assert listing(reading, Wanted(), within=A) == Listing((), None, {})


def test_a_shared_connector_tells_neither_its_other_units_nor_why_it_is_held(
    db: Connection, reading: Reading, shared: int
) -> None:
    """Why it is held may quote what went to others; a filter by their unit finds nothing."""
    hold(db, shared, "10 attempts in a row failed; the last: of b", last_error="of b")

    found = standing(reading, shared, within=A)
    whole = standing(reading, shared, within=("a", "b"))

    assert found is not None
    assert (found.connector.units, found.connector.shared, found.connector.state) == (A, True, "held")
    assert (found.connector.reason, found.last_error, found.failures) == (None, None, None)
    assert listing(reading, Wanted(business_unit="b"), within=A).rows == ()
    assert names(listing(reading, Wanted(business_unit="a"), within=A)) == ["crm"]
    assert whole is not None
    assert (whole.connector.shared, whole.failures) == (False, 10)
    assert whole.connector.reason == "10 attempts in a row failed; the last: of b"


def test_one_for_all_business_units_is_in_everybody_s_sight_and_nobody_s_own(db: Connection, reading: Reading) -> None:
    """Who is limited sees it as shared, and names no unit that it might have beside theirs."""
    insert_connector(db, "all", business_units=["*"])

    [limited] = listing(reading, Wanted(), within=A).rows
    [free] = listing(reading, Wanted(), within=None).rows

    assert (limited.for_all, limited.shared, limited.units) == (True, True, ())
    assert (free.for_all, free.shared) == (True, False)


def test_the_list_is_filtered_and_counted_by_state(db: Connection, reading: Reading) -> None:
    """By words in name or URL, state, unit and trigger; the counts by state leave the state's own filter out."""
    insert_connector(db, "Alpha", business_units=["a"], triggers=["send"])
    disable_connector(db, insert_connector(db, "Beta", business_units=["b"], url="https://alpha.example/"))
    hold(db, insert_connector(db, "Gamma", business_units=["b"]))

    assert names(listing(reading, Wanted(words="ALPHA"), within=None)) == ["Alpha", "Beta"]
    assert names(listing(reading, Wanted(business_unit="b"), within=None)) == ["Beta", "Gamma"]
    assert names(listing(reading, Wanted(trigger=Trigger.SEND), within=None)) == ["Alpha"]
    found = listing(reading, Wanted(state="held"), within=None)
    assert names(found) == ["Gamma"]
    assert found.states == {"held": 1, "disabled": 1, "enabled": 1}


@pytest.mark.parametrize("within", [None, ("a", "b")])
def test_pages_of_the_list_join_without_a_gap(db: Connection, reading: Reading, within: Within) -> None:
    """In every grouping: each connector once in each of its groups, in order."""
    for n in range(57):
        insert_connector(db, f"n{n:03}", business_units=["a", "b"] if n % 2 else ["a"])
    groupings: tuple[tuple[Grouping, int], ...] = (("none", 57), ("business_unit", 57 + 28), ("trigger", 2 * 57))
    for grouping, expected in groupings:
        page = listing(reading, Wanted(grouping=grouping), within=within)
        found = list(page.rows)
        while page.after is not None:
            page = listing(reading, Wanted(grouping=grouping, after=page.after), within=within)
            found += page.rows
        shown = [(one.place.group, one.name) for one in found]
        assert len(shown) == expected
        assert shown == sorted(set(shown))


def test_the_last_outcome_is_found_however_old_it_is(db: Connection, reading: Reading) -> None:
    """Where nothing was tried within a day, that of the newest deliveries."""
    quiet = insert_connector(db, "quiet", business_units=["a"])
    delivered(db, quiet, "a", started_at=NOW - timedelta(days=9), outcome="http_error", status_code=404)

    assert figures(reading, [quiet], within=A)[quiet] == Figures(0, 0, NOW - timedelta(days=9), Outcome.HTTP_ERROR, 404)
    assert figures(reading, [quiet], within=B)[quiet] == Figures()


def test_what_goes_next_tells_when_and_what_waits_behind_it(db: Connection, reading: Reading) -> None:
    """Heads of lanes by when they are due; those behind them are counted, not listed."""
    connector = insert_connector(db, business_units=["a"])
    for contract, ready, due_in in (("k1", True, 600), ("k1", False, 0), ("k1", False, 0), ("k2", True, -5)):
        event = insert_event(db, contract, business_unit="a")
        insert_delivery(db, event, connector)
        insert_queued(db, event, connector, ready=ready, due_in=due_in)

    assert [(one.contract_id, one.behind) for one in upcoming(reading, connector, within=A)] == [("k2", 0), ("k1", 2)]


def test_states_are_those_of_the_view_for_people(db: Connection, reading: Reading) -> None:
    """Pending, leased, blocked, and held while the connector doesn't send."""
    connector = insert_connector(db, business_units=["a"])
    for ready, leased in ((True, None), (True, "w"), (False, None)):
        event = insert_event(db, "k1", business_unit="a")
        insert_delivery(db, event, connector)
        insert_queued(db, event, connector, ready=ready, leased=leased, due_in=60)

    for stops in (None, lambda: disable_connector(db, connector)):
        if stops is not None:
            stops()
        found = standing(reading, connector, within=None)
        assert found is not None
        told = {state: n for state, n in open_deliveries(reading, found.connector, within=None).by_state.items() if n}
        rows = db.execute("SELECT state, count(*) FROM outbox_audit.deliveries GROUP BY state").fetchall()
        assert told == {State(str(state)): number for state, number in rows}


def test_versions_tell_changes_and_leave_other_units_out(database: Database, reading: Reading) -> None:
    """A unit that came or went is told to those who may see it, by its name; the others see that nothing changed."""
    box = SecretBox(())
    made = make(database, box, business_units=["a"])
    edit(database, made, box, business_units=("a", "b"))

    [second, first] = versions(reading, made.id, within=None, names={"b": "Retail"})
    [limited, _] = versions(reading, made.id, within=A, names={"b": "Retail"})

    assert [(one.key, one.before, one.after) for one in second.changes] == [("business_units", "a", "a, Retail")]
    assert (second.changed_by, second.origin, first.action) == ("bob", "page", "create")
    assert (limited.changes, limited.kept["business_units"]) == ((), ["a"])
    assert version(reading, made.id, 1, within=A) == versions(reading, made.id, within=A, names={}, below=2)[0]
    assert version(reading, made.id, 3, within=A) is None
