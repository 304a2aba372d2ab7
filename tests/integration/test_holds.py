"""Receivers that fail: held, probed with one report at a time, let go when they answer, disabled when they never do."""

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from outbox import health
from outbox.connector_edits import enable_connector
from outbox.secret_box import SecretBox
from tests.conftest import Database
from tests.connectors import ADA, edit, find
from tests.factories import Connection, connect, create_source, hold, insert_connector, insert_note, insert_open
from tests.leases import queue
from tests.receiver import Answer, Receiver, receiver
from tests.relays import numbers, relay_on

BOX = SecretBox(())


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with; the source's functions stand."""
    with connect(database) as connection:
        create_source(connection)
        yield connection


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


def probe_now(sql: Connection) -> None:
    """Moves the next probe to the present, as waiting would."""
    sql.execute("UPDATE outbox.health SET probe_at = clock_timestamp()")


def states(sql: Connection) -> list[object]:
    """How the deliveries stand, by event."""
    return [row[0] for row in sql.execute("SELECT state FROM outbox_audit.deliveries ORDER BY event_id")]


def test_ten_failures_in_a_row_hold_a_connector_and_spend_no_further_try(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """The others wait as they are, whatever their contract; people see why, since when and what comes next."""
    insert_connector(sql, url=crm.url, max_in_flight=1, schedule=[3600.0] * 3)
    for n in range(14):
        insert_note(sql, f"k{n}")
    crm.answer = lambda _: Answer(status=500)

    with relay_on(database) as relay:
        relay.run_until_idle()
        relay.run_until_idle()

    assert len(crm.received) == 10
    assert sorted(queue(sql, "attempts, tries")) == [(0, 0)] * 4 + [(1, 1)] * 10
    assert states(sql) == ["held"] * 14
    state, reason, failures, probe = sql.execute(
        "SELECT state, state_reason, failures, next_probe_at - state_since FROM outbox_audit.connectors"
    ).fetchall()[0]
    assert (state, failures, str(probe)) == ("held", 10, "0:00:05")
    assert str(reason) == "10 attempts in a row failed; the last: the receiver answered 500 Internal Server Error"


def test_a_probe_that_fails_spends_no_try_and_goes_behind(database: Database, sql: Connection, crm: Receiver) -> None:
    """On record as an attempt; the next probe is another report, and comes after twice as long."""
    connector = insert_connector(sql, url=crm.url, schedule=[])
    hold(sql, connector)
    events = [insert_open(sql, connector, f"k{n}") for n in range(3)]
    crm.answer = lambda _: Answer(status=500)

    with relay_on(database) as relay:
        for seconds in (10, 20, 40, 80):
            relay.run_until_idle()
            relay.run_until_idle()
            row = sql.execute("SELECT extract(epoch FROM probe_at - clock_timestamp()) FROM outbox.health").fetchone()
            assert row is not None
            assert seconds - 2 < float(str(row[0])) <= seconds
            probe_now(sql)

    order = [*events, events[0]]
    assert [name for name, _ in numbers(crm)] == [f"dlv_{event}_{connector}" for event in order]
    assert [number for _, number in numbers(crm)] == ["1", "1", "1", "2"]
    assert queue(sql, "attempts, tries") == [(2, 0), (1, 0), (1, 0)]


def test_the_log_tells_of_a_failed_probe_when_the_next_one_goes(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """Not of the delivery's own retry, which waits for the probe."""
    connector = insert_connector(sql, url=crm.url)
    hold(sql, connector)
    insert_open(sql, connector, "k1")
    crm.answer = lambda _: Answer(status=500)

    with relay_on(database) as relay, capture_logs() as lines:
        relay.run_until_idle()
        relay.run_until_idle()

    (line,) = [line for line in lines if line["event"] == "attempt"]
    (probe_at,) = sql.execute("SELECT probe_at FROM outbox.health").fetchall()[0]
    assert datetime.fromisoformat(line["probe_at"]) == probe_at
    assert "retry_seconds" not in line


def test_when_a_probe_is_answered_all_goes_out(database: Database, sql: Connection, crm: Receiver) -> None:
    """Also what waited for the retry of a failure of that hold; what failed for itself before waits on."""
    connector = insert_connector(sql, url=crm.url, max_in_flight=1, schedule=[3600.0] * 3)
    crm.answer = lambda _: Answer(status=400)
    own = insert_note(sql, "own")
    with relay_on(database, hold_after_failures=3) as relay:
        relay.run_until_idle()
        crm.answer = lambda _: Answer(status=503)
        events = [insert_note(sql, f"k{n}") for n in range(5)]
        relay.run_until_idle()
        assert states(sql) == ["held"] * 6

        crm.answer = lambda _: Answer()
        probe_now(sql)
        relay.run_until_idle()

    assert queue(sql, "event_id, tries") == [(own, 1)]
    assert sql.execute("SELECT count(*) FROM outbox.health").fetchone() == (0,)
    delivered = {name for name, _ in numbers(crm)[4:]}
    assert delivered == {f"dlv_{event}_{connector}" for event in events}


def test_reports_that_are_refused_hold_nobody(database: Database, sql: Connection, crm: Receiver) -> None:
    """400 is an answer: twelve poison reports are tried as their schedule says, and the others go out."""
    insert_connector(sql, url=crm.url, max_in_flight=1, schedule=[])
    events = [insert_note(sql, f"k{n}") for n in range(24)]
    crm.answer = lambda got: Answer(status=400 if int(got.headers["webhook-id"].split("_")[1]) in events[::2] else 200)

    with relay_on(database, hold_after_failures=2) as relay:
        passed = relay.run_until_idle()

    assert dict(passed.attempts) == {"ok": 12, "http_error": 12}
    assert queue(sql) == []


def test_a_poison_report_does_not_keep_a_well_receiver_held(database: Database, sql: Connection, crm: Receiver) -> None:
    """One that the receiver answers with 500 each time is the first probe; the next one ends the hold."""
    connector = insert_connector(sql, url=crm.url, schedule=[3600.0])
    hold(sql, connector)
    poison = insert_open(sql, connector, "poison", due_in=-90)
    for n in range(3):
        insert_open(sql, connector, f"k{n}")
    crm.answer = lambda got: Answer(status=500 if got.headers["webhook-id"] == f"dlv_{poison}_{connector}" else 200)

    with relay_on(database) as relay:
        relay.run_until_idle()
        assert states(sql) == ["held"] * 4
        probe_now(sql)
        relay.run_until_idle()

    assert [event for event, *_ in queue(sql)] == [poison]
    assert sql.execute("SELECT state FROM outbox_audit.connectors").fetchone() == ("enabled",)


def test_success_at_a_well_receiver_writes_nothing(database: Database, sql: Connection, crm: Receiver) -> None:
    """No row is hot: the table may be closed to writing."""
    insert_connector(sql, url=crm.url)
    for n in range(30):
        insert_note(sql, f"k{n}")
    sql.execute(
        """
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'written'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON outbox.health EXECUTE FUNCTION public.refuse()
        """
    )

    with relay_on(database) as relay:
        passed = relay.run_until_idle()

    assert dict(passed.attempts) == {"ok": 30}
    assert queue(sql) == []


def test_of_all_workers_one_gets_the_probe(database: Database, sql: Connection) -> None:
    """Until its lease ends; a connector with nothing due is not probed."""
    connector, idle = insert_connector(sql), insert_connector(sql, "idle")
    for one in (connector, idle):
        hold(sql, one)
    insert_open(sql, connector)
    insert_open(sql, idle, due_in=60)
    won: list[list[int]] = []

    def ask() -> None:
        with database.engine.begin() as connection:
            won.append(health.win_probes(connection, {connector: 30.0, idle: 30.0}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [[]] * 7 + [[connector]]
    assert sql.execute(
        "SELECT connector_id, probe_at > clock_timestamp() + interval '28 s' FROM outbox.health ORDER BY 1"
    ).fetchall() == [(connector, True), (idle, False)]


def test_a_probe_that_was_not_sent_is_free_at_once(database: Database, sql: Connection, crm: Receiver) -> None:
    """Spent tries are settled without a send; the next report is the probe."""
    connector = insert_connector(sql, url=crm.url, schedule=[])
    hold(sql, connector)
    insert_open(sql, connector, "spent", due_in=-90, attempts=5, tries=5)
    event = insert_open(sql, connector, "k1")

    with relay_on(database) as relay:
        relay.run_until_idle()
        relay.run_until_idle()

    assert numbers(crm) == [(f"dlv_{event}_{connector}", "1")]
    assert states(sql) == ["dead", "delivered"]


def test_days_without_an_answer_disable_it_and_enabling_starts_anew(
    database: Database, sql: Connection, crm: Receiver
) -> None:
    """A version of its own with the reason in words; nothing that waits is lost."""
    connector = insert_connector(sql, url=crm.url, max_in_flight=1, schedule=[3600.0])
    hold(sql, connector, failures=321)
    sql.execute("UPDATE outbox.health SET failing_since = failing_since - interval '5 days'")
    insert_open(sql, connector)
    crm.answer = lambda _: Answer(status=500)
    with relay_on(database) as relay:
        relay.run_until_idle()
        enabled, reason, version, action, by, origin = sql.execute(
            "SELECT c.enabled, c.disabled_reason, c.version, v.action, v.changed_by, v.origin FROM outbox.connector c"
            " JOIN outbox.connector_version v ON v.connector_id = c.id AND v.version = c.version"
        ).fetchall()[0]
        assert (enabled, version, action, by, origin) == (False, 2, "disable", "w1", "relay")
        assert "its receiver has taken no report since " in str(reason)
        assert "322 attempts in a row failed; the last: the receiver answered 500" in str(reason)
        probe_now(sql)
        relay.run_until_idle()
        assert len(crm.received) == 1

        crm.answer = lambda _: Answer()
        with database.engine.begin() as connection:
            assert enable_connector(connection, connector, author=ADA)
        relay.run_until_idle()

    assert states(sql) == ["delivered"]
    assert sql.execute("SELECT count(*) FROM outbox.health").fetchone() == (0,)


def test_an_edit_of_a_held_connector_is_probed_at_once(database: Database, sql: Connection) -> None:
    """Whoever mends its URL need not wait for the next probe; the hold itself stands until it answers."""
    connector = insert_connector(sql)
    hold(sql, connector, probes=6)
    sql.execute("UPDATE outbox.health SET probe_at = clock_timestamp() + interval '5 minutes'")

    edit(database, find(database, BOX), BOX, url="https://crm.example/other")

    assert sql.execute("SELECT probe_at <= clock_timestamp(), probes, failures FROM outbox.health").fetchone() == (
        True,
        0,
        10,
    )
    assert find(database, BOX).state == "held"


def test_workers_that_settle_failures_at_once_count_each(database: Database, sql: Connection, crm: Receiver) -> None:
    """Two relays on two failing connectors: no deadlock, none uncounted, beyond ten only what was in flight."""
    for name in ("crm", "erp"):
        insert_connector(sql, name, url=crm.url, schedule=[3600.0], lane_order="none")
    for n in range(60):
        insert_note(sql, f"k{n}")
    crm.answer = lambda _: Answer(status=500, seconds=0.01)

    with relay_on(database, worker="w1") as one, relay_on(database, worker="w2") as two:
        one.capacity.renew()
        two.capacity.renew()
        threads = [threading.Thread(target=each.run_until_idle) for each in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)

    rows = sql.execute(
        "SELECT h.failures, (SELECT count(*) FROM outbox.attempt a WHERE a.connector_id = h.connector_id)"
        " FROM outbox.health h WHERE h.held_at IS NOT NULL"
    ).fetchall()
    assert len(rows) == 2
    assert [row for row in rows if row[0] != row[1]] == []
    assert all(10 <= int(str(row[0])) <= 10 + 3 * 8 for row in rows)
