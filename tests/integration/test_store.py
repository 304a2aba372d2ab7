"""Settle and release: what leases promise, whoever dies or comes late."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from outbox import store
from outbox.model import Outcome, Response
from tests.conftest import Database
from tests.factories import Connection, connect, insert_connector, insert_open
from tests.leases import REFUSED, attempt, attempts_of, claim, queue, settle


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with."""
    with connect(database) as connection:
        yield connection


def test_a_dead_workers_deliveries_are_claimed_when_its_lease_ends(database: Database, sql: Connection) -> None:
    """Not before, and then as the next attempt; the first stays on record as lost, with the dead worker's name."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    claim(database, crm, token=1, name="dead", lease=0.3)

    assert claim(database, crm, token=2, name="alive") == []
    threading.Event().wait(0.35)
    second = claim(database, crm, token=2, name="alive")

    assert [(one.event_id, one.attempt, one.tries) for one in second] == [(event, 2, 2)]
    assert attempts_of(sql, event) == [(1, "lost", "dead", None)]


def test_a_send_whose_worker_died_before_settling_is_lost_and_then_ok(database: Database, sql: Connection) -> None:
    """What the receiver got is not known to anyone: it gets it again, and history says both."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    claim(database, crm, name="dead", lease=0.0)

    settle(database, attempt(claim(database, crm, token=2, name="alive")[0]), name="alive")

    assert attempts_of(sql, event) == [(1, "lost", "dead", None), (2, "ok", "alive", "delivered")]
    assert queue(sql) == []


def test_a_settle_with_an_old_token_changes_nothing_and_is_kept_as_late(database: Database, sql: Connection) -> None:
    """The successor's lease stands; the late outcome is beside the lost attempt, and says what it was."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    stale = claim(database, crm, token=1, name="slow", lease=0.0)[0]
    successor = claim(database, crm, token=2, name="next")[0]

    assert settle(database, attempt(stale), name="slow") == 1

    assert queue(sql) == [(event, True, 2, 2)]
    assert attempts_of(sql, event) == [(1, "lost", "slow", None), (1, "late", "slow", None)]
    assert settle(database, attempt(successor), name="next") == 0
    assert attempts_of(sql, event)[-1] == (2, "ok", "next", "delivered")


def test_a_settle_after_the_lease_that_nobody_took_over_counts(database: Database, sql: Connection) -> None:
    """The token decides, not the time: a late worker that has no successor still has the right to settle."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    leased = claim(database, crm, lease=0.0)[0]

    assert settle(database, attempt(leased)) == 0

    assert attempts_of(sql, event) == [(1, "ok", "w1", "delivered")]


def test_settling_again_what_was_settled_adds_nothing(database: Database, sql: Connection) -> None:
    """A commit whose answer was lost is settled again by the same worker: no second row, no late one."""
    crm = insert_connector(sql)
    delivered, again = insert_open(sql, crm, "k1"), insert_open(sql, crm, "k2")
    leased = {one.event_id: one for one in claim(database, crm)}
    batch = [attempt(leased[delivered]), attempt(leased[again], REFUSED, settled=None, delay_seconds=60.0)]

    settle(database, *batch)
    settle(database, *batch)

    assert attempts_of(sql, delivered) == [(1, "ok", "w1", "delivered")]
    assert attempts_of(sql, again) == [(1, "http_error", "w1", None)]
    assert queue(sql) == [(again, True, 1, None)]


def test_numbers_have_no_gap_whatever_became_of_each_attempt(database: Database, sql: Connection) -> None:
    """Lost, refused, interrupted, released, late and ok: 1..k, exactly one ok."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    stale = claim(database, crm, token=1, lease=0.0)[0]
    settle(database, attempt(claim(database, crm, token=2)[0], REFUSED, settled=None))
    with database.engine.begin() as connection:
        store.release(connection, claim(database, crm, token=3))
    interrupted = Response(Outcome.INTERRUPTED, 0.0, error="stopped")
    settle(database, attempt(claim(database, crm, token=4)[0], interrupted, settled=None, counted=False))
    settle(database, attempt(stale))
    last = claim(database, crm, token=5)[0]
    settle(database, attempt(last))

    assert [(row[0], row[1]) for row in attempts_of(sql, event)] == [
        (1, "lost"),
        (1, "late"),
        (2, "http_error"),
        (3, "interrupted"),
        (4, "ok"),
    ]
    assert (last.attempt, last.tries) == (4, 3)


def test_what_is_released_is_due_at_once_and_not_counted(database: Database, sql: Connection) -> None:
    """Only by the lease that holds it; one of an older lease hands nothing back."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    stale = claim(database, crm, token=1, lease=0.0)
    held = claim(database, crm, token=2)
    with database.engine.begin() as connection:
        store.release(connection, stale)
    assert queue(sql) == [(event, True, 2, 2)]

    with database.engine.begin() as connection:
        store.release(connection, held)

    assert queue(sql, "attempts, tries, lease_token, due_at <= clock_timestamp()") == [(1, 1, None, True)]
    assert [one.attempt for one in claim(database, crm, token=3)] == [2]


def test_whatever_a_receiver_answers_can_be_stored(database: Database, sql: Connection) -> None:
    """NUL bytes, invalid UTF-8, odd and repeated headers, half a surrogate in the words of an error."""
    crm = insert_connector(sql)
    event = insert_open(sql, crm)
    odd = Response(
        Outcome.PROTOCOL,
        1.0,
        status=299,
        headers=(("X-Odd", "a\0b\udcff"), ("x-odd", "é\x01"), ("", "no name"), ("Set-Cookie\0", "")),
        body=b"\0\xff\xfe half",
        error="said \0 and \udc80",
        timings={"total": 1.5},
    )

    settle(database, attempt(claim(database, crm)[0], odd, settled=None))

    assert sql.execute(
        "SELECT response_body, response_headers, error, timings FROM outbox.attempt WHERE event_id = %s", [event]
    ).fetchone() == (
        b"\0\xff\xfe half",
        {"x-odd": "a\ufffdb?, é\x01", "": "no name", "set-cookie\ufffd": ""},
        "said \ufffd and ?",
        {"total": 1.5},
    )
    assert sql.execute("SELECT last_error FROM outbox.queue").fetchone() == ("said \ufffd and ?",)


def test_a_retry_is_due_by_the_databases_clock(database: Database, sql: Connection) -> None:
    """A delay goes to SQL as seconds: the worker's own clock, here years off, decides nothing."""
    crm = insert_connector(sql)
    insert_open(sql, crm)
    far_off = datetime(1999, 1, 1, tzinfo=UTC)

    settle(database, attempt(claim(database, crm)[0], REFUSED, settled=None, delay_seconds=60.0, started_at=far_off))

    assert sql.execute(
        "SELECT due_at - clock_timestamp() BETWEEN interval '58 s' AND interval '60 s' FROM outbox.queue"
    ).fetchone() == (True,)
