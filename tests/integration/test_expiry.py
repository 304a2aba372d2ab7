"""The scan raises `expired` once for a contract, subject and deadline, in the transaction that marks it."""

import threading

import pytest
from sqlalchemy.exc import DBAPIError

from outbox import expiry_store
from outbox.errors import RefusedError
from outbox.expiry import Scanner, before_install, overdue, upcoming
from outbox.settings import Expiry
from tests.conftest import Database
from tests.expiries import INBOX, SEND, contract, contracts, expiring, many, raised, scan, scanner, since, window
from tests.factories import connect, hold, insert_connector, insert_delivery, insert_queued
from tests.relays import in_thread
from tests.sources import Source


@pytest.fixture
def source(database: Database) -> Source:
    """The application with [expired] open, installed a year ago."""
    made = expiring(database)
    since(made)
    return made


def test_what_passed_is_raised_once_with_its_true_deadline(source: Source) -> None:
    """Oldest first, whatever passed while nobody looked; an event, a note and a mark each; a second scan finds none."""
    contract(source, 1, "'2020-01-01 00:00+00'")
    for number, ago in ((2, "1 second"), (3, "2 hours"), (4, "100 days"), (5, "-2 hours")):
        contract(source, number, f"date_trunc('second', now()) - interval '{ago}'")
    contract(source, 6, "NULL")
    contract(source, 7, "'infinity'")
    contract(source, 8, "'-infinity'")
    source.clear_events()
    assert scan(source).raised == 3
    assert contracts(source) == ["4", "3", "2"]
    assert [one[1] for one in raised(source)] == [
        row[0] for row in source.rows("SELECT expires_at FROM contract WHERE id IN (2, 3, 4) ORDER BY expires_at")
    ]
    assert source.rows(
        "SELECT count(*) FROM outbox.event e JOIN outbox.inbox i ON i.event_id = e.id AND i.occurred_at = e.occurred_at"
        " JOIN outbox.expiry x ON x.event_id = e.id AND x.deadline = e.occurred_at"
        " WHERE e.trigger = 'expired' AND e.document ->> 'expires_at' IS NOT NULL AND e.business_unit = '1'"
    ) == [(3,)]
    for sweep in (False, True):
        assert scan(source, sweep=sweep).raised == 0
    assert source.errors() == []


def test_a_deadline_that_was_moved(source: Source) -> None:
    """Moved on after it passed: raised again when it passes again. Moved before it passed: raised at the new time."""
    contract(source, 1, "now() - interval '2 hours'")
    contract(source, 2, "now() + interval '1 hour'")
    scan(source)
    source.run("UPDATE contract SET expires_at = now() - interval '10 minutes' WHERE id = 1")
    source.run("UPDATE contract SET expires_at = now() + interval '2 days' WHERE id = 2")
    scan(source)
    assert contracts(source) == ["1", "1"]
    source.run("UPDATE contract SET expires_at = now() - interval '5 minutes' WHERE id = 2")
    scan(source)
    assert contracts(source) == ["1", "1", "2"]


def test_only_open_contracts_that_are_there(source: Source) -> None:
    """Signed, deleted, or excluded by the contract query: nothing is raised; open again: it is."""
    contract(source, 1, "now() - interval '20 minutes'", status="'signed'")
    contract(source, 2, "now() - interval '20 minutes'", is_template="true")
    contract(source, 3, "now() - interval '20 minutes'")
    source.run("DELETE FROM contract WHERE id = 3")
    assert scan(source).raised == 0
    source.run("UPDATE contract SET status = 'sent' WHERE id = 1")
    scan(source)
    assert contracts(source) == ["1"]


def test_what_had_expired_before_the_install(database: Database) -> None:
    """Raises nothing until it is asked for; the asking says first how many, and an install again changes nothing."""
    source = Source(database)
    for number, days in ((1, 400), (2, 40), (3, 4)):
        contract(source, number, f"now() - interval '{days} days'")
    source.install(expired={"open": "status = 'draft'"})
    source.install(expired={"open": "status IN ('draft', 'sent')"})
    assert scan(source, sweep=True).raised == 0
    with database.engine.connect() as connection:
        moment = connection.exec_driver_sql("SELECT now() - interval '100 days'").scalar_one()
        looked, count = before_install(connection, moment)
        assert count.deadlines == 2
    assert sum(scanner(source).raise_all(looked)) == 2
    assert contracts(source) == ["2", "3"]
    with database.engine.connect() as connection:
        assert before_install(connection, moment)[1].deadlines == 0


def test_since_of_the_mapping(database: Database) -> None:
    """The mapping may say from when on; an earlier one is taken up by the next scan."""
    source = Source(database)
    contract(source, 1, "'2025-01-15 12:00+00'")
    contract(source, 2, "'2026-01-15 12:00+00'")
    source.install(expired={"open": "true", "since": "2026-01-01T00:00:00Z"})
    scan(source)
    assert contracts(source) == ["2"]
    source.install(expired={"open": "true", "since": "2025-01-01T00:00:00Z"})
    scan(source)
    assert contracts(source) == ["2", "1"]


def test_a_capture_rule_and_the_scan_are_one(database: Database) -> None:
    """Whoever is first raises a deadline, the other nothing: by instants, and by days that end in a zone."""
    source = Source(database)
    noted = "new.note IS DISTINCT FROM old.note"
    rule = {"trigger": "expired", "table": "contract", "on": "update", "contract": "new.id", "when": noted}
    for kind, zone in (("timestamptz", {}), ("date", {"time_zone": "Asia/Tokyo"})):
        source.run(f"ALTER TABLE contract ALTER expires_at TYPE {kind} USING NULL")
        source.install(capture=[rule], expired={"open": "true", **zone})
        since(source)
        source.run("TRUNCATE contract, outbox.expiry CASCADE")
        source.clear()
        for number in (1, 2, 3):
            contract(source, number, f"CURRENT_DATE - 10 - {number}")
        source.run("UPDATE contract SET note = 'a' WHERE id = 1")
        scan(source, sweep=True)
        source.run("UPDATE contract SET note = 'b'")
        assert sorted(contracts(source)) == ["1", "2", "3"]
        assert source.errors() == []


def test_batches_are_bounded_and_each_its_own(source: Source) -> None:
    """Many at once are raised in batches, oldest first, each deadline once, though many share a moment."""
    source.run(
        "INSERT INTO contract (id, expires_at)"
        " SELECT n, now() - make_interval(mins => n / 10) FROM generate_series(1, 95) n"
    )
    assert scan(source, batch=10).raised == 95
    deadlines = [one[1] for one in raised(source)]
    assert deadlines == sorted(deadlines)
    sizes = source.rows(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM outbox.event WHERE trigger = 'expired' GROUP BY xid) b"
    )
    assert sizes == [(10,)]


def test_a_contract_that_cannot_be_read(database: Database) -> None:
    """Is recorded, stops no other, is not tried again until it is mended and recaptured, then raised."""
    source = Source(database)
    query = (
        "SELECT id AS contract_id, unit_id AS business_unit, status, expires_at, 1 / (amount - 7) AS rate FROM contract"
    )
    source.install(contract={"query": query}, company=None, capture=SEND, expired={"open": "true"})
    since(source)
    source.run(
        "INSERT INTO contract (id, amount, expires_at)"
        " SELECT n, n, now() - interval '1 hour' FROM generate_series(1, 20) n"
    )
    assert scan(source, batch=8).raised == 19
    assert [row[:1] for row in source.errors()] == [("expired",)]
    assert scan(source, sweep=True).raised == 0
    assert len(source.errors()) == 1
    source.run("UPDATE contract SET amount = 1 WHERE id = 7")
    source.run("SELECT outbox.recapture(0, 10)")
    assert scan(source).raised == 1
    assert raised(source)[-1] == ("7", source.rows("SELECT expires_at FROM contract WHERE id = 7")[0][0])


def test_a_query_of_ones_own(database: Database) -> None:
    """Subjects expire each for itself, with detail; a contract that is gone or excluded raises nothing."""
    source = Source(database)
    source.run("ALTER TABLE recipient ADD expires_at timestamptz")
    query = (
        "SELECT contract_id, expires_at, email AS subject, jsonb_build_object('token', token, 'mail', email) AS detail"
        " FROM recipient WHERE expires_at <= :now AND ':now' <> email"
    )
    source.install(expired={"query": query})
    since(source)
    for number, template in ((1, "false"), (2, "true")):
        contract(source, number, "NULL", is_template=template)
    source.run("ALTER TABLE recipient DROP CONSTRAINT recipient_contract_id_fkey")
    source.run(
        "INSERT INTO recipient (contract_id, email, token, expires_at)"
        " SELECT c, e, 'secret', '2026-01-01 10:00+00'::timestamptz + e.ago FROM (VALUES (1), (2), (3)) AS c (c)"
        " CROSS JOIN (VALUES ('a@x', interval '0'), ('b@x', '0'), ('a@x', '1 hour'), ('c@x', '9 years')) AS e (e, ago)"
    )
    scan(source)
    assert source.rows(
        "SELECT contract_id, detail, occurred_at = (detail ->> 'expires_at')::timestamptz"
        " FROM outbox.event WHERE trigger = 'expired' ORDER BY occurred_at, detail ->> 'subject'"
    ) == [
        ("1", {"mail": subject, "subject": subject, "expires_at": f"2026-01-01T{hour}:00:00+00:00"}, True)
        for subject, hour in (("a@x", 10), ("b@x", 10), ("a@x", 11))
    ]
    assert scan(source, sweep=True).raised == 0


def test_a_deadline_moved_into_the_past(source: Source) -> None:
    """Within the margin the next scan finds it, further back the daily sweep."""
    contract(source, 1, "now() + interval '1 day'")
    contract(source, 2, "now() + interval '1 day'")
    scan(source)
    source.run("UPDATE contract SET expires_at = now() - interval '30 minutes' WHERE id = 1")
    source.run("UPDATE contract SET expires_at = now() - interval '3 days' WHERE id = 2")
    scan(source)
    assert contracts(source) == ["1"]
    source.run("UPDATE outbox.expiry_scan SET swept_at = swept_at - interval '1 day'")
    scan(source)
    assert contracts(source) == ["1", "2"]


def test_the_next_look(source: Source) -> None:
    """Planned for the next known deadline, and no later than the interval."""
    contract(source, 1, "now() + interval '20 seconds'")
    due_in = scan(source).due_in
    assert due_in is not None
    assert 10 < due_in <= 20
    source.run("UPDATE contract SET status = 'signed'")
    due_in = scan(source).due_in
    assert due_in is not None
    assert 50 < due_in <= 60


def test_only_one_scans(source: Source) -> None:
    """Who comes while another scans, or before it is due, does nothing; a lease that ran out is taken over."""
    contract(source, 1, "now() - interval '1 hour'")
    source.run("UPDATE outbox.expiry_scan SET worker = 'w2', due_at = now() + interval '1 minute'")
    assert scanner(source).scan().raised is None
    source.run("UPDATE outbox.expiry_scan SET due_at = now()")
    assert scanner(source).scan().raised == 1
    assert scanner(source).scan().raised is None


def test_a_scan_that_was_taken_over_stops(source: Source) -> None:
    """Whoever lost the lease raises no further batch and doesn't touch the plan of its successor."""
    many(source, 30)
    source.run("UPDATE outbox.expiry_scan SET worker = 'w1', due_at = now() + interval '1 minute'")
    batches = scanner(source, batch=10).raise_all(window(source), leased=True)
    assert next(batches) == 10
    source.run("UPDATE outbox.expiry_scan SET worker = 'w2', due_at = '2100-01-01+00'")
    assert list(batches) == []
    assert len(contracts(source)) == 10
    assert source.rows("SELECT due_at = '2100-01-01+00' FROM outbox.expiry_scan") == [(True,)]


def test_an_end_asked_for_comes_after_the_batch(source: Source) -> None:
    """A process that is told to end leaves the rest to another, at once."""
    many(source, 30)
    stopping = threading.Event()
    stopping.set()
    ending = Scanner(source.database.engine, Expiry(batch=10), by="w1", stopping=stopping)
    assert ending.scan().raised == 0
    assert scanner(source, by="w2").scan().raised == 30


def test_two_at_the_same_deadlines(source: Source) -> None:
    """Whatever the lease says: hosts that scan at the same time raise each deadline once between them."""
    many(source, 300)
    looked, counts = window(source), [0, 0, 0]

    def work(place: int) -> None:
        counts[place] = sum(scanner(source, by=f"w{place}", batch=10).raise_all(looked))

    with in_thread(lambda: work(0)), in_thread(lambda: work(1)), in_thread(lambda: work(2)):
        pass
    assert sum(counts) == 300
    assert len(set(contracts(source))) == len(contracts(source)) == 300
    assert source.rows("SELECT count(*), count(DISTINCT event_id) FROM outbox.expiry") == [(300, 300)]


def test_a_batch_waits_for_the_one_before(source: Source, database: Database) -> None:
    """Under way: not routed yet, or not tried yet at a receiver that takes reports; and only while a worker lives."""

    def under_way() -> bool:
        with database.engine.connect() as connection:
            return expiry_store.under_way(connection, batch)

    many(source, 1)
    with database.engine.begin() as connection:
        batch = expiry_store.raise_due(connection, window(source), most=1)
    first = batch.first_event
    assert first is not None
    assert not under_way()
    with connect(database) as sql:
        sql.execute(
            "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('w1', 'h', 1, '1', 'curl')"
        )
        assert under_way()
        sql.execute("DELETE FROM outbox.inbox")
        assert not under_way()
        crm = insert_connector(sql)
        insert_delivery(sql, first, crm)
        insert_queued(sql, first, crm)
        assert under_way()
        sql.execute("UPDATE outbox.queue SET attempts = 1, tries = 1")
        assert not under_way()
        sql.execute("UPDATE outbox.queue SET attempts = 0, tries = 0")
        hold(sql, crm, "its receiver fails")
        assert not under_way()


def test_contracts_that_all_fail_alike(database: Database) -> None:
    """Are the mapping's fault: a few are recorded, then the scan ends loudly and comes again."""
    source = Source(database)
    query = (
        "SELECT id AS contract_id, unit_id AS business_unit, status, expires_at, 1 / (amount - 7) AS rate FROM contract"
    )
    source.install(contract={"query": query}, company=None, capture=SEND, expired={"open": "true"})
    since(source)
    many(source, 40)
    source.run("SET session_replication_role = replica", "UPDATE contract SET amount = 7")
    with pytest.raises(DBAPIError, match="division by zero"):
        scan(source)
    assert len(source.errors()) == 8
    assert contracts(source) == []


def test_nothing_is_looked_for_without_the_section(database: Database) -> None:
    """No [expired]: scans do nothing, people are told; with it taken out again nothing is left of it."""
    source = Source(database)
    source.install()
    assert scan(source).raised is None
    assert scan(source).due_in is None
    with database.engine.connect() as connection, pytest.raises(RefusedError, match=r"no mapping with \[expired\]"):
        overdue(connection)
    source.install(expired={"open": "true"})
    contract(source, 1, "now() + interval '2 days'")
    with database.engine.connect() as connection:
        assert [one.contract_id for one in upcoming(connection, seconds=3 * 86400)] == ["1"]
        assert upcoming(connection, seconds=86400) == []
    source.install()
    assert source.rows("SELECT to_regproc('outbox.expiring') IS NULL, count(*) FROM outbox.expiry_scan") == [(True, 0)]


def test_routing_is_not_told_twice(source: Source) -> None:
    """The notes of a scan are captured already: the capture trigger leaves them alone."""
    contract(source, 1, "now() - interval '1 hour'")
    source.clear_events()
    scan(source)
    assert source.rows(INBOX) == [(1,)]
    assert source.rows("SELECT count(*) FROM outbox.event") == [(1,)]
