"""Questions: filters, names, order, limits, exact values, and the plans behind them."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice

import pytest
from sqlalchemy import Connection as Reader
from sqlalchemy import text

from outbox import audit
from outbox.audit import Question
from outbox.audit_names import connector_ids
from outbox.errors import ConfigurationError
from outbox.model import Outcome, State, Trigger
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_queued,
    rewrite,
)


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def reader(database: Database) -> Iterator[Reader]:
    """What asks."""
    with database.engine.connect() as connection:
        yield connection


def ids(answers: Iterable[audit.Answer]) -> list[int]:
    """The event ids, in the order of the answer."""
    return [row["event_id"] for row in answers]


def test_every_filter_must_hold(db: Connection, reader: Reader) -> None:
    """Contract, unit, trigger, connector and state narrow events, deliveries and attempts alike."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    first = insert_event(db, "k1", "create")
    second = insert_event(db, "k1", "update", business_unit="bu2")
    third = insert_event(db, "k2", "update")
    for event in (first, second):
        insert_delivery(db, event, crm)
        insert_attempt(db, event, crm)
    insert_delivery(db, third, erp)
    insert_attempt(db, third, erp, outcome="timeout", settled="dead")

    for question, expected in [
        (Question(), [third, second, first]),
        (Question(contract="k1"), [second, first]),
        (Question(business_unit="bu2"), [second]),
        (Question(trigger=Trigger.UPDATE), [third, second]),
        (Question(connector="erp"), [third]),
        (Question(state=State.DELIVERED), [second, first]),
        (Question(state=State.DEAD), [third]),
        (Question(state=State.PENDING), []),
        (Question(contract="k1", trigger=Trigger.CREATE, connector="crm", state=State.DELIVERED), [first]),
        (Question(limit=1), [third]),
    ]:
        for ask in (audit.events, audit.deliveries, audit.attempts):
            assert ids(ask(reader, question)) == expected, (ask, question)
        limitless = sorted(key for key, _ in audit.delivery_keys(reader, question))
        assert question.limit == 1 or limitless == sorted(expected)
    assert ids(audit.attempts(reader, Question(outcome=Outcome.TIMEOUT))) == [third]


def test_since_is_included_and_until_is_not(db: Connection, reader: Reader) -> None:
    """Time is when an event occurred, a delivery was routed, an attempt started; however far back."""
    crm = insert_connector(db)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = []
    for days in (0, 1, 300):
        at = start + timedelta(days=days)
        made.append(insert_event(db, occurred_at=at))
        insert_delivery(db, made[-1], crm, created_at=at)
        insert_attempt(db, made[-1], crm, started_at=at)

    for ask in (audit.events, audit.deliveries, audit.attempts):
        assert ids(ask(reader, Question())) == made[::-1]
        assert ids(ask(reader, Question(since=start + timedelta(days=1)))) == [made[2], made[1]]
        assert ids(ask(reader, Question(until=start + timedelta(days=1)))) == [made[0]]
        assert ids(ask(reader, Question(since=start, until=start + timedelta(days=2)))) == [made[1], made[0]]


def test_numbers_keep_their_digits(db: Connection, reader: Reader) -> None:
    """JSON columns are read digit for digit: no float on the way."""
    insert_event(db)
    rewrite(db, """UPDATE outbox.event SET document = '{"amount": 12345678901234567890.10, "n": 9007199254740993}'""")

    (found,) = audit.events(reader, Question())

    assert found["document"] == {"amount": Decimal("12345678901234567890.10"), "n": 9007199254740993}


def test_an_unknown_connector_is_an_error_with_the_nearest_name(db: Connection, reader: Reader) -> None:
    """A typing mistake never answers `nothing found`."""
    insert_connector(db, "reporting")

    with pytest.raises(ConfigurationError, match="did you mean 'reporting'"):
        audit.deliveries(reader, Question(connector="reportng"))


def test_a_removed_connector_can_still_be_asked_for(db: Connection, reader: Reader) -> None:
    """History outlives connectors, also where a new one took the name."""
    old = insert_connector(db, removed_at="now")
    new = insert_connector(db)
    events = [insert_event(db), insert_event(db)]
    for event, owner in zip(events, (old, new), strict=True):
        insert_delivery(db, event, owner)

    assert ids(audit.deliveries(reader, Question(connector="crm"))) == events[::-1]
    assert connector_ids(reader, "crm") == (new, old)


def test_a_business_unit_is_asked_for_by_id_or_unambiguous_name(db: Connection, reader: Reader) -> None:
    """A name is looked up in the source; one that two units share is refused; an unknown one is taken as an id."""
    for unit in ("7", "8", "9"):
        insert_event(db, business_unit=unit)
    assert len(list(audit.events(reader, Question(business_unit="8")))) == 1
    db.execute(
        "CREATE FUNCTION outbox.business_units() RETURNS TABLE (business_unit text, name text) LANGUAGE sql AS"
        " $$ VALUES ('7', 'North'), ('8', 'South'), ('9', 'South') $$"
    )
    reader.rollback()

    assert [row["business_unit"] for row in audit.events(reader, Question(business_unit="North"))] == ["7"]
    assert len(list(audit.events(reader, Question(business_unit="9")))) == 1
    with pytest.raises(ConfigurationError, match="an id or name of 8, 9; give the id"):
        audit.events(reader, Question(business_unit="South"))


def test_a_unit_that_nobody_knows_is_an_error_unless_history_has_it(db: Connection, reader: Reader) -> None:
    """A typing mistake never answers `nothing found`; a unit that is gone is found by its id."""
    insert_event(db, business_unit="gone")
    db.execute(
        "CREATE FUNCTION outbox.business_units() RETURNS TABLE (business_unit text, name text) LANGUAGE sql AS"
        " $$ VALUES ('7', 'North'), ('8', '7') $$"
    )
    reader.rollback()

    assert len(list(audit.events(reader, Question(business_unit="gone")))) == 1
    for ask in (audit.events, audit.deliveries, audit.attempts, audit.delivery_keys):
        with pytest.raises(ConfigurationError, match="got 'Nroth'; did you mean 'North'"):
            ask(reader, Question(business_unit="Nroth"))
    with pytest.raises(ConfigurationError, match="got '7', an id or name of 7, 8; give its name"):
        audit.events(reader, Question(business_unit="7"))


def test_without_a_limit_every_row_comes_page_by_page(
    db: Connection, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export is whole, in order, and each row once, also where pages end between rows of one event."""
    monkeypatch.setattr(audit, "_PAGE", 2)
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    events = [insert_event(db) for _ in range(5)]
    for event in events:
        for connector in (crm, erp):
            insert_delivery(db, event, connector)
            insert_attempt(db, event, connector, outcome="lost")
            insert_attempt(db, event, connector, outcome="late")

    newest = events[::-1]
    assert ids(audit.events(reader, Question(limit=None))) == newest
    assert ids(audit.deliveries(reader, Question(limit=None))) == [one for one in newest for _ in range(2)]
    attempts = list(audit.attempts(reader, Question(limit=None)))
    assert ids(attempts) == [one for one in newest for _ in range(4)]
    assert len({(one["event_id"], one["connector"], one["outcome"]) for one in attempts}) == 20
    assert set(attempts[0]) >= set(audit.ATTEMPTS)
    assert ids(audit.events(reader, Question(limit=None, event=events[1]))) == [events[1]]


def test_a_broken_mapping_does_not_stop_questions_by_id(db: Connection, reader: Reader) -> None:
    """Where the source's own query fails, ids can still be asked for."""
    insert_event(db)
    db.execute(
        "CREATE FUNCTION outbox.business_units() RETURNS TABLE (business_unit text, name text) LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN QUERY SELECT id, name FROM gone; END $$"
    )

    assert len(list(audit.events(reader, Question(business_unit="bu1")))) == 1


def fill(db: Connection, *, events: int) -> None:
    """Many delivered events a second apart, every hundredth dead, the last twenty waiting, over 200 contracts."""
    for name in ("crm", "erp"):
        insert_connector(db, name)
    for statement in (
        """INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit)
           SELECT n, now() - (%(n)s - n) * interval '1 second', '700', '1:1:', 'update', 'k' || n %% 200, 'bu1'
           FROM generate_series(1, %(n)s) AS n""",
        """INSERT INTO outbox.decision (event_id, connector_id, connector_version, reason, decided_at)
           SELECT e.id, c.id, 1, 'deliver', e.occurred_at FROM outbox.event e, outbox.connector c WHERE %(n)s > 0""",
        """INSERT INTO outbox.delivery (event_id, connector_id, connector_version, trigger, contract_id, business_unit,
                                        content_type, body, created_at)
           SELECT e.id, c.id, 1, e.trigger, e.contract_id, e.business_unit, 'application/json', '{}', e.occurred_at
           FROM outbox.event e, outbox.connector c WHERE %(n)s > 0""",
        """INSERT INTO outbox.attempt (event_id, connector_id, number, kind, started_at, duration_ms, outcome,
                                       status_code, worker, settled)
           SELECT d.event_id, d.connector_id, 1, 'auto', d.created_at, 10,
                  CASE d.event_id %% 100 WHEN 0 THEN 'timeout' ELSE 'ok' END, NULL, 'host:1',
                  CASE d.event_id %% 100 WHEN 0 THEN 'dead' ELSE 'delivered' END
           FROM outbox.delivery d WHERE d.event_id <= %(n)s - 20""",
        """INSERT INTO outbox.queue (connector_id, event_id, contract_id, ready, due_at)
           SELECT d.connector_id, d.event_id, d.contract_id, true, now()
           FROM outbox.delivery d WHERE d.event_id > %(n)s - 20""",
    ):
        db.execute(statement, {"n": events})
    db.execute("VACUUM ANALYZE outbox.event, outbox.decision, outbox.delivery, outbox.attempt, outbox.queue")


@pytest.fixture
def touched(database: Database, db: Connection) -> Iterator["Touched"]:
    """Counts what statements read, over 20,000 events."""
    fill(db, events=20_000)
    with database.engine.connect() as connection:
        yield Touched(connection)


class Touched:
    """Rows that the fact tables handed out while a question was answered."""

    def __init__(self, connection: Reader) -> None:
        self.connection = connection

    def rows(self) -> int:
        """Rows read from the facts by this connection's transaction so far, by scan or by index."""
        statement = text(
            "SELECT sum(pg_stat_get_xact_tuples_returned(c.oid) + pg_stat_get_xact_tuples_fetched(c.oid))"
            " FROM pg_class c WHERE c.relnamespace = 'outbox'::regnamespace AND c.relkind = 'r'"
            " AND c.relname ~ '^(event|decision|delivery|attempt)_[0-9]+$'"
        )
        return int(self.connection.execute(statement).scalar_one())


def test_questions_read_what_they_answer_and_not_all_facts(touched: "Touched") -> None:
    """By contract, connector, state or time the indexes are used: of 100,000 facts few are read."""
    reader = touched.connection
    hour_ago = audit.clock(reader) - timedelta(hours=1)
    for question in (
        Question(limit=10),
        Question(limit=None),
        Question(contract="k7"),
        Question(connector="erp", limit=10),
        Question(state=State.PENDING),
        Question(state=State.DEAD, since=hour_ago),
        Question(since=hour_ago, until=hour_ago + timedelta(minutes=1)),
    ):
        for ask in (audit.events, audit.deliveries, audit.attempts):
            before = touched.rows()
            found = list(islice(ask(reader, question), 500))
            assert found or (ask is audit.attempts and question.state is State.PENDING)
            assert touched.rows() - before < 12_000, (ask.__name__, question)


def test_a_timeline_reads_its_contract_alone(touched: "Touched") -> None:
    """The view's filter reaches the indexes of all three kinds of facts."""
    before = touched.rows()

    found = audit.timeline(touched.connection, "k7")

    assert len(found) == 100 + 2 * 100 + 2 * 100
    assert touched.rows() - before < 3_000


def test_a_timeline_counts_decisions_and_attempts(db: Connection, reader: Reader) -> None:
    """Oldest first: the event, why it goes where, each try."""
    crm = insert_connector(db)
    event = insert_event(db, occurred_at="2026-01-01Z")
    insert_decision(db, event, "deliver", connector_id=crm, decided_at="2026-01-02Z")
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, attempts=1)
    insert_attempt(db, event, crm, outcome="dns", status_code=None, error="no such host")

    assert [row["what"] for row in audit.timeline(reader, "k1")] == ["event", "decision", "attempt"]
