"""The list of deliveries: every filter, pages in both directions, and nothing of other business units."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection as Reader

from outbox import audit
from outbox.access import Within
from outbox.audit import Question
from outbox.cursor import Cursor, Place, Sorting
from outbox.errors import ConfigurationError
from outbox.insight.deliveries import Page, listed
from outbox.model import Outcome, State, Trigger
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_queued,
)
from tests.postgres import Server

DAYS = (0, 0, 0, 1, 40, 400)
"""How long ago the deliveries were routed, over and over: some of them are older than any step but the last."""

OUTCOMES: tuple[dict[str, Any], ...] = (
    {"outcome": "ok"},
    {"outcome": "http_error", "status_code": 503},
    {"outcome": "timeout", "status_code": None, "error": "no answer within 15 s"},
    {"outcome": "http_error", "status_code": 404, "settled": "dead"},
    {"outcome": "interrupted", "error": "cancelled by ann", "settled": "cancelled"},
)
QUESTIONS = (
    Question(),
    Question(connector="crm"),
    Question(business_unit="bu2"),
    Question(trigger=Trigger.CREATE),
    Question(contract="k1"),
    Question(event=7),
    *(Question(state=state) for state in State),
    Question(outcome=Outcome.OK),
    Question(outcome=Outcome.TIMEOUT),
    Question(status_code=503),
    Question(status_code=200),
    Question(error="NO ANSWER"),
    Question(error="http 404"),
    Question(state=State.DEAD, connector="erp"),
    Question(state=State.DELIVERED, trigger=Trigger.UPDATE, business_unit="bu1"),
    Question(state=State.PENDING, error="no answer"),
)


@pytest.fixture(scope="module")
def filled(server: Server, template: str) -> Iterator[Database]:
    """One database for all that only ask."""
    with clone(server, template, "insight_deliveries") as database:
        with connect(database) as db:
            fill(db)
        yield database


@contextmanager
def clone(server: Server, template: str, name: str) -> Iterator[Database]:
    """A database for several tests."""
    database = Database(server, name)
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield database
        database.dispose()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def reader(filled: Database) -> Iterator[Reader]:
    """What asks."""
    with filled.engine.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def growing(server: Server, template: str) -> Iterator[Database]:
    """One database in which deliveries are added."""
    with clone(server, template, "insight_growing") as database:
        with connect(database) as db:
            insert_connector(db)
            add(db, False, 5)
        yield database


def fill(db: Connection, *, events: int = 60) -> None:
    """Deliveries in every state, of two units, for two connectors; each fifth waits, one connector is disabled."""
    crm, erp = insert_connector(db, "crm", business_units=["bu1", "bu2"]), insert_connector(db, "erp")
    old = insert_connector(db, "old", business_units=["bu2"])
    now = db.execute("SELECT now()").fetchone()
    assert now is not None
    for number, (owner, days) in zip(range(events), _round((crm, erp, crm, old), DAYS), strict=False):
        event = insert_event(
            db, f"k{number % 7}", ("create", "update")[number % 2], business_unit=f"bu{1 + number // 3 % 2}"
        )
        created = now[0] - timedelta(days=days, seconds=number)  # type: ignore[operator]
        insert_delivery(db, event, owner, created_at=created)
        tried = OUTCOMES[number % len(OUTCOMES)]
        insert_attempt(db, event, owner, started_at=created, **tried)
        if tried.get("settled") is None and tried["outcome"] != "ok":
            leased = {"leased": "host:1", "due_in": 60} if number % 4 == 1 else {}
            insert_queued(db, event, owner, attempts=1, ready=number % 3 != 0, **leased)
    disable_connector(db, old)


def _round(owners: tuple[int, ...], days: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    while True:
        yield from product(owners, days)


def keys(page: Page) -> list[tuple[int, int]]:
    """The deliveries of a page."""
    return [(row["event_id"], row["connector_id"]) for row in page.rows]


def onwards(
    reader: Reader,
    question: Question,
    *,
    newer: bool = False,
    within: Within = None,
    cursor: Cursor | None = None,
    patience: float = 5,
) -> Iterator[Page]:
    """Page after page, from the cursor to the end, however often the look stops."""
    while True:
        page = listed(reader, question, within=within, cursor=cursor, patience=patience)
        yield page
        cursor = page.newer if newer else page.older
        if cursor is None or cursor.newer is not newer:
            return


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_pages_have_exactly_what_the_views_have(reader: Reader, question: Question) -> None:
    """Each filter finds what the stable views find by it, forth and back, each delivery once."""
    expected = set(audit.delivery_keys(reader, question))
    small = replace(question, limit=4)
    forth = list(onwards(reader, small))
    last = next((page for page in reversed(forth) if page.rows), forth[-1])
    back = [] if last.newer is None else list(onwards(reader, small, newer=True, cursor=last.newer))

    assert expected or question.state is State.LEASED
    seen = [key for page in forth for key in keys(page)]
    assert sorted(seen) == sorted(expected)
    again = keys(last) + [key for page in back for key in reversed(keys(page))]
    assert sorted(again) == sorted(expected)
    for page in forth:
        places = [(row["created_at"], *key) for row, key in zip(page.rows, keys(page), strict=True)]
        by_event = sorted(keys(page), reverse=True) == keys(page)
        assert by_event or sorted(places, reverse=True) == places


def test_nothing_of_other_units_is_found(reader: Reader) -> None:
    """By no filter and on no page; a name that only others know is unknown."""
    for question in QUESTIONS:
        if question.connector is None and question.business_unit != "bu1":
            for page in onwards(reader, replace(question, limit=9), within=("bu2",)):
                assert {row["business_unit"] for row in page.rows} <= {"bu2"}
    with pytest.raises(ConfigurationError, match="may see"):
        listed(reader, Question(business_unit="bu1"), within=("bu2",))
    with pytest.raises(ConfigurationError) as told:
        listed(reader, Question(connector="erq"), within=("bu2",))
    assert "erp" not in str(told.value)
    with pytest.raises(ConfigurationError):
        listed(reader, Question(connector="erp"), within=("bu2",))
    assert listed(reader, Question(connector="old"), within=("bu2",)).rows != ()


@pytest.mark.parametrize("state", [State.DEAD, State.CANCELLED])
def test_where_nothing_was_routed_no_history_is_read(reader: Reader, state: State) -> None:
    """A time without deliveries is no time without bounds."""
    asked: list[str] = []

    def look(*args: Any) -> None:
        asked.append(args[2])

    sqlalchemy.event.listen(reader, "before_cursor_execute", look)
    page = listed(reader, Question(state=state, since=datetime.now(UTC) + timedelta(hours=1)), within=None)

    assert (page.rows, page.older, page.stopped) == ((), None, False)
    reads = [statement for statement in asked if "outbox.attempt AS tried" in statement]
    assert all("tried.event_id <" in statement for statement in reads)


def test_a_cursor_of_other_filters_is_refused(reader: Reader) -> None:
    """It stands in another order."""
    page = listed(reader, Question(limit=3), within=None)
    with pytest.raises(ConfigurationError, match="start anew"):
        listed(reader, Question(state=State.DEAD), within=None, cursor=page.older)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=4, max_size=12), limit=st.integers(2, 6))
@pytest.mark.parametrize("question", [Question(), Question(connector="crm", state=State.DEAD)], ids=("time", "event"))
def test_paging_sees_each_once_while_others_come(
    growing: Database, question: Question, steps: list[tuple[bool, int]], limit: int
) -> None:
    """Back to the oldest and forth again: what stood at the start is seen once each way, whatever is added between."""
    with connect(growing) as db, growing.engine.connect() as reader:
        asked, more = replace(question, limit=limit), iter(steps)
        standing = set(audit.delivery_keys(reader, asked))
        seen, cursor = [], None
        while True:
            add(db, *next(more, (False, 0)))
            page = listed(reader, asked, within=None, cursor=cursor, patience=5)
            seen += keys(page)
            if page.older is None:
                break
            cursor = page.older
        assert len(seen) == len(set(seen))
        assert standing <= set(seen)
        again, cursor = keys(page), page.newer
        while cursor is not None:
            add(db, *next(more, (False, 0)))
            page = listed(reader, asked, within=None, cursor=cursor, patience=5)
            again += keys(page)
            cursor = page.newer
        assert len(again) == len(set(again))
        assert set(seen) <= set(again)


def add(db: Connection, late: bool, deliveries: int) -> None:  # noqa: FBT001 (drawn)
    """So many dead deliveries, routed now; `late` ones a minute ago, as of a transaction that was held up."""
    for _ in range(deliveries):
        event = insert_event(db)
        insert_delivery(db, event, 1, **({"created_at": datetime.now(UTC) - timedelta(minutes=1)} if late else {}))
        insert_attempt(db, event, 1, outcome="timeout", status_code=None, settled="dead")


def test_a_look_that_stops_says_how_far_it_went(growing: Database) -> None:
    """And goes on from there, both ways, until all was seen: each delivery once. Many may be routed in one instant."""
    question = Question(trigger=Trigger.REVIEW)
    with connect(growing) as db, growing.engine.connect() as reader:
        db.execute(
            "INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id,"
            " business_unit, content_type, created_at)"
            " SELECT 1000000 + n, 1, 1, CASE n % 500 WHEN 0 THEN 'review' ELSE 'send' END, 'k', 'bu1', 'text/plain',"
            " now() + n / 2000 * interval '1 s' FROM generate_series(1, 5000) AS n"
        )
        expected = audit.delivery_keys(reader, question)
        back = list(onwards(reader, question, patience=0))
        last = Cursor(Sorting.ROUTED, Place(audit.clock(reader) - timedelta(days=1), 0, 0), newer=True)
        forth = list(onwards(reader, question, newer=True, cursor=last, patience=0))

    assert len(expected) == 10
    for pages, times in (
        (back, [page.looked_to for page in back[:-1]]),
        (forth, [page.looked_to for page in forth[:-1]]),
    ):
        assert sorted(key for page in pages for key in keys(page)) == sorted(expected)
        assert len(pages) > 2
        assert all(isinstance(time, datetime) for time in times)
        assert not pages[-1].stopped
