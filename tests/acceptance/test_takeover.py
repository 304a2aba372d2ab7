"""Work that goes from one daemon to another: stale workers, a hand-over under load, a wake-up that stays away."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.daemons import HURRY, daemon, ends_well, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note
from tests.leases import attempts_of, queue
from tests.program import program
from tests.receiver import Answer, Receiver, receiver
from tests.relays import numbers, wait_for


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


def test_a_stale_answer_ends_nothing_that_its_successor_left_waiting(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """The first, stopped past its lease, had a 200; the second a 503. The delivery waits on as the second left it.

    With requests: libcurl reads no answer that stands there when its time is up.
    """
    outbox = program(tmp_path, database.url, **HURRY, SENDER_TRANSPORT="requests")
    insert_connector(sql, url=crm.url, timeout_seconds=1.0, schedule=[600.0] * 5)
    crm.answer = lambda got: (
        Answer(seconds=0.6) if got.headers["outbox-attempt"] == "1" else Answer(status=503, body=b"later")
    )
    columns = "event_id, ready, due_at, attempts, tries, lease_token, last_error"
    with daemon(outbox, sql) as first:
        event = insert_note(sql, "k1")
        wait_for(lambda: len(crm.received) == 1)
        first.send_signal(signal.SIGSTOP)
        with daemon(outbox, sql) as second:
            wait_for(lambda: [row[1] for row in attempts_of(sql, event)] == ["lost", "http_error"])
            ends_well(second, seconds=30)
        before = queue(sql, columns)
        first.send_signal(signal.SIGCONT)
        wait_for(lambda: len(attempts_of(sql, event)) == 3)
        ends_well(first, seconds=30)

    assert queue(sql, columns) == before != []
    assert [row[1] for row in attempts_of(sql, event)] == ["lost", "late", "http_error"]
    assert sql.execute("SELECT status_code, error_code, settled FROM outbox.attempt WHERE late").fetchall() == [
        (200, "ok", None)
    ]


@pytest.mark.slow
def test_told_to_end_under_load_it_hands_everything_back_at_once(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """Exit 0 within the limit; no row stays leased, what was not sent is not counted, and all of it is due now.

    The next daemon sends the rest long before the leases of the first would have ended.
    """
    outbox = program(tmp_path, database.url, RELAY_POLL_SECONDS="0.2", RELAY_DRAIN_SECONDS="1")
    with receiver(lambda _: Answer(seconds=60)) as hanging:
        insert_connector(sql, "erp", url=hanging.url, timeout_seconds=60.0, max_in_flight=4)
        insert_connector(sql, "crm", url=crm.url, timeout_seconds=60.0, max_in_flight=8)
        crm.answer = lambda _: Answer(seconds=0.02)
        with daemon(outbox, sql) as process:
            with database.connect() as writer:
                events = [insert_note(writer, f"k{n % 60}", detail={"n": n}) for n in range(120)]
            wait_for(lambda: len(crm.received) > 30 and len(hanging.received) == 4)
            ends_well(process, seconds=1 + 3 + 5)
        stood = len(crm.received)
        hanging.answer = lambda _: Answer()
        left = _left(sql)
        assert stood < len(events)

        with daemon(outbox, sql) as successor:
            wait_for(lambda: open_deliveries(sql) == 0, seconds=60)
            ends_well(successor, seconds=30)

    assert left == (0, 0, 0)
    assert sorted(number for _, number in numbers(hanging)) == ["1"] * len(events) + ["2"] * 4
    assert sorted(json.loads(got.body)["id"] for got in crm.received) == events
    assert sql.execute("SELECT outcome, count(*) FROM outbox.attempt GROUP BY outcome ORDER BY outcome").fetchall() == [
        ("interrupted", 4),
        ("ok", 2 * len(events)),
    ]


def _left(sql: Connection) -> tuple[object, ...]:
    """How many rows are leased, heads that are due only later, and rows with a counted try."""
    return sql.execute(
        "SELECT count(*) FILTER (WHERE lease_token IS NOT NULL),"
        " count(*) FILTER (WHERE ready AND due_at > clock_timestamp()), count(*) FILTER (WHERE tries <> 0)"
        " FROM outbox.queue"
    ).fetchall()[0]


def test_a_wake_up_that_was_silently_dropped_delays_by_one_poll(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """The listening connection stands and nothing comes through, as behind a firewall that forgot it."""
    outbox = program(tmp_path, database.url, RELAY_POLL_SECONDS="0.5")
    insert_connector(sql, url=crm.url)
    with daemon(outbox, sql) as process:
        wait_for(lambda: len(_listening(sql)) == 1)
        backend = _listening(sql)[0]
        os.kill(backend, signal.SIGSTOP)
        try:
            delays = []
            for n in range(3):
                insert_note(sql, f"k{n}")
                sql.execute("NOTIFY outbox")
                started = time.monotonic()
                wait_for(lambda n=n: len(crm.received) == n + 1)  # type: ignore[misc]
                delays.append(time.monotonic() - started)
        finally:
            os.kill(backend, signal.SIGCONT)
        ends_well(process, seconds=30)

    assert max(delays) < 0.55 + 0.5


def _listening(sql: Connection) -> list[int]:
    rows = sql.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ 'wake'"
        " AND query = 'LISTEN outbox'"
    )
    return [int(str(row[0])) for row in rows]
