"""Partitions of the facts: made ahead, adopted from the default, dropped when old; the application never waits."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from outbox import replay, upkeep
from outbox.chores import CHORES
from outbox.daily import close_days
from outbox.db import has_to_wait
from outbox.doctor import Level, examine
from outbox.errors import RefusedError
from outbox.settings import Settings, Upkeep
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_note,
    insert_queued,
)
from tests.partitions import FACTS, KEEP, SIZE, count, finished, go_to, ranges
from tests.relays import hands

PROMISED = (
    *("make_ahead", "adopt_begin", "adopt_validate", "adopt_finish"),
    *("sweep_strays", "prunable", "prune"),
)
"""The functions that a role without rights to DDL may be given."""


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A plain connection to a migrated database."""
    with connect(database) as connection:
        yield connection


def count_days(database: Database) -> None:
    """Counts the days that are over, whatever slot it is."""
    close_days(database.engine, chore="close days", seconds=0.001)


@pytest.fixture
def old(database: Database, sql: Connection) -> tuple[int, int]:
    """Event and connector of one finished delivery, in a range that is full, counted and older than the retention."""
    connector = insert_connector(sql)
    event = finished(sql, connector)
    count_days(database)
    go_to(sql, SIZE)
    return event, connector


def test_ranges_are_made_ahead_of_the_newest_event(database: Database, sql: Connection) -> None:
    """As many as asked for beyond the newest id's, of all facts alike; made once."""
    go_to(sql, 3 * SIZE)

    assert upkeep.make_ahead(database.engine, ranges=3) == [4 * SIZE, 5 * SIZE, 6 * SIZE]
    assert upkeep.make_ahead(database.engine, ranges=3) == []
    assert {fact: ranges(sql, fact) for fact in FACTS} == {fact: [n * SIZE for n in range(7)] for fact in FACTS}


def test_one_worker_of_all_keeps_up(database: Database, sql: Connection) -> None:
    """In each slot; who comes second leaves it at that."""
    upkeep_chore = next(one for one in CHORES if one.name == "upkeep")
    chore = replace(upkeep_chore, seconds=1e9)
    go_to(sql, 3 * SIZE)
    chore.run(hands(database.engine, worker="w1"), chore)
    made = ranges(sql)
    go_to(sql, 7 * SIZE)
    chore.run(hands(database.engine, worker="w2"), chore)

    assert made == ranges(sql) == [n * SIZE for n in range(8)]


def test_a_reader_that_stays_holds_nothing_up(database: Database, sql: Connection) -> None:
    """While a report reads the history, upkeep leaves the step for later, and commits go on beside the report."""
    go_to(sql, 3 * SIZE)
    with database.connect() as report:
        report.execute("SELECT count(*) FROM outbox.event")
        with pytest.raises(DBAPIError) as fresh:
            upkeep.make_ahead(database.engine, ranges=3)
        time.sleep(1.1)  # the server's clock: after a second the reader is known for one that stays
        with pytest.raises(DBAPIError, match="has read the history for over a second") as known:
            upkeep.make_ahead(database.engine, ranges=3)
        upkeep.keep_up(database.engine, KEEP)
        insert_note(sql)

    assert has_to_wait(fresh.value)
    assert has_to_wait(known.value)
    assert ranges(sql) == [n * SIZE for n in range(4)]
    upkeep.keep_up(database.engine, KEEP)
    assert ranges(sql) == [n * SIZE for n in range(6)]


def test_a_late_attempt_of_a_pruned_delivery_is_swept(database: Database, sql: Connection) -> None:
    """It would stand in the default for ever; nothing else is taken from there. The facts' guard lets it pass."""
    connector = insert_connector(sql)
    sql.execute(
        """CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF current_setting('outbox.rewrite', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
               RAISE EXCEPTION 'append only';
             END IF;
             RETURN OLD; END $$;
           CREATE TRIGGER guard BEFORE DELETE ON outbox.attempt FOR EACH ROW EXECUTE FUNCTION public.guard()"""
    )
    go_to(sql, 4 * SIZE)
    kept = finished(sql, connector)
    insert_attempt(sql, kept + 1, connector, outcome="late")

    assert upkeep.sweep(database.engine) == 1
    assert sql.execute("SELECT event_id FROM outbox.attempt").fetchall() == [(kept,)]


def test_an_old_range_is_dropped_whole_and_on_record(database: Database, sql: Connection, old: tuple[int, int]) -> None:
    """All facts of it go together; what it was, and by which retention, stays; again does nothing."""
    event, _ = old
    younger = finished(sql, old[1], age="399 days")

    upkeep.keep_up(database.engine, KEEP)
    upkeep.keep_up(database.engine, KEEP)

    assert [count(sql, fact) for fact in FACTS] == [1] * 5
    assert sql.execute("SELECT id FROM outbox.event").fetchall() == [(younger,)]
    assert sql.execute("SELECT count(*) FROM pg_class WHERE relname = 'attempt_0'").fetchall() == [(0,)]
    assert sql.execute(
        "SELECT range_start, range_end, keep, newest_at < now() - keep FROM outbox.pruned"
    ).fetchall() == [(0, SIZE, sql.execute("SELECT interval '400 days'").fetchall()[0][0], True)]
    assert event not in ranges(sql)


def _note(sql: Connection, event: int, _: int) -> None:
    sql.execute("INSERT INTO outbox.inbox (event_id, trigger, contract_id) VALUES (%s, 'update', 'k1')", [event])


OPEN_OR_YOUNG: dict[str, Callable[[Connection, int, int], object]] = {
    "a delivery that waits": lambda sql, event, connector: insert_queued(sql, event, connector, due_in=3600),
    "a note": _note,
    "a replay of now": lambda sql, event, connector: insert_attempt(sql, event, connector, 2, kind="replay"),
    "a backfill of now": lambda sql, event, _: insert_delivery(sql, event, insert_connector(sql, "new")),
    "a younger event": lambda sql, event, _: insert_event(sql, id=event + 1),
    "ids still to be given": lambda sql, *_: go_to(sql, SIZE - 1),
}


@pytest.mark.parametrize("keep", OPEN_OR_YOUNG.values(), ids=OPEN_OR_YOUNG)
def test_a_range_stays_while_anything_of_it_is_open_or_young(
    database: Database, sql: Connection, old: tuple[int, int], keep: Callable[[Connection, int, int], object]
) -> None:
    """Neither is it listed, nor dropped when it is named."""
    keep(sql, *old)

    assert upkeep.prune(database.engine, days=400) == []
    assert sql.execute("SELECT outbox.prune(0, interval '400 days')").fetchall() == [(False,)]
    assert [count(sql, fact) > 0 for fact in FACTS] == [True] * 5


def test_a_range_stays_until_its_days_are_counted(database: Database, sql: Connection) -> None:
    """After an outage of days, or with a short retention: figures by day outlive the facts, so they come first."""
    connector = insert_connector(sql)
    finished(sql, connector, age="502 days")
    count_days(database)
    finished(sql, connector)
    go_to(sql, SIZE)
    assert upkeep.prune(database.engine, days=400) == []

    count_days(database)

    assert upkeep.prune(database.engine, days=400) == [0]
    assert sql.execute("SELECT attempts, delivered FROM outbox_audit.connector_daily").fetchall() == [(1, 1)] * 2


def test_the_owners_floor_binds_whoever_asks_for_less(
    database: Database, sql: Connection, old: tuple[int, int]
) -> None:
    """By a worker's settings or its login; what was kept for is on record."""
    sql.execute("UPDATE outbox.retention SET keep_at_least = '600 days'")
    assert upkeep.prune(database.engine, days=1) == []
    assert sql.execute("SELECT outbox.prune(0, interval '1 day')").fetchall() == [(False,)]
    with pytest.raises(psycopg.errors.CheckViolation):
        sql.execute("UPDATE outbox.retention SET keep_at_least = '1 hour'")
    told = [
        (one.level, one.words)
        for days in (400, 700)
        for one in examine(database.engine, Settings(upkeep=Upkeep(retention_days=days)))
        if one.name == "retention"
    ]
    assert told == [
        (Level.WARNING, "upkeep.retention_days = 400 is below the owner's floor: history is kept for 600 days"),
        (Level.OK, "history is kept for 700 days"),
    ]

    sql.execute("UPDATE outbox.retention SET keep_at_least = '450 days'")
    assert upkeep.prune(database.engine, days=1) == [0]
    assert sql.execute("SELECT keep = '450 days' FROM outbox.pruned").fetchall() == [(True,)]
    assert old[0] not in ranges(sql)


@pytest.mark.usefixtures("old")
def test_no_retention_keeps_everything(database: Database, sql: Connection) -> None:
    """0 days are for ever."""
    upkeep.keep_up(database.engine, Upkeep(retention_days=0))

    assert 0 in ranges(sql)


def test_an_open_range_holds_up_no_other(database: Database, sql: Connection, old: tuple[int, int]) -> None:
    """Retention goes on behind a dead letter that a person keeps replaying."""
    insert_queued(sql, *old)
    finished(sql, old[1])
    go_to(sql, 2 * SIZE)

    assert upkeep.prune(database.engine, days=400) == [SIZE]
    assert 0 in ranges(sql)


def test_a_replay_and_a_prune_exclude_each_other(database: Database, sql: Connection, old: tuple[int, int]) -> None:
    """A replay that is under way keeps the range; one that comes after it finds nothing, and says so."""
    with database.make_engine().connect() as connection:
        list(replay.judge(connection, [old]))
        with pytest.raises(DBAPIError) as waits:
            upkeep.prune(database.engine, days=400)
        connection.rollback()
    assert has_to_wait(waits.value)
    assert [one.verdict for one in replay.replay(database.engine, [old], asked_by="me")] == [replay.Verdict.AGAIN]
    assert upkeep.prune(database.engine, days=400) == []

    sql.execute("DELETE FROM outbox.queue")
    assert upkeep.prune(database.engine, days=400) == [0]
    assert list(replay.replay(database.engine, [old], asked_by="me")) == []
    with database.engine.connect() as connection, pytest.raises(RefusedError, match="there is none"):
        replay.find_delivery(connection, old[0], "crm")


def test_a_note_that_is_given_while_the_range_is_dropped_stays(database: Database, sql: Connection) -> None:
    """A transaction of ages commits its event after its range was dropped: the default keeps it, upkeep adopts it."""
    connector = insert_connector(sql)
    finished(sql, connector)
    count_days(database)
    with database.connect() as application:
        event = insert_note(application)  # its event stands uncommitted: prune has to wait
        go_to(sql, SIZE)
        with pytest.raises(DBAPIError):
            upkeep.prune(database.engine, days=400)
        application.rollback()
        assert upkeep.prune(database.engine, days=400) == [0]
        insert_event(application, id=event)
        application.commit()

    upkeep.keep_up(database.engine, KEEP)
    assert sql.execute("SELECT id FROM outbox.event_0").fetchall() == [(event,)]


def test_a_role_without_rights_keeps_up_by_the_functions_alone(
    database: Database, sql: Connection, old: tuple[int, int]
) -> None:
    """It needs EXECUTE on these functions, and can neither drop a table nor prune what is young."""
    role = f"relay_{database.name}"
    sql.execute(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA outbox TO {role}".encode())
    for name in PROMISED:
        sql.execute(f"GRANT EXECUTE ON FUNCTION outbox.{name} TO {role}".encode())
    engine = create_engine(database.url.replace("postgres@", f"{role}@"))
    try:
        insert_attempt(sql, 4 * SIZE, old[1], outcome="late")
        upkeep.keep_up(engine, KEEP)
        assert 0 not in ranges(sql)
        go_to(sql, 5 * SIZE)
        finished(sql, old[1])
        upkeep.keep_up(engine, KEEP)
        assert 5 * SIZE in ranges(sql)
        for forbidden in (
            "SELECT outbox.make_partition(90000000, 95000000)",
            "DROP TABLE outbox.event_5000000",
            "DELETE FROM outbox.event",
            "UPDATE outbox.retention SET keep_at_least = '1 day'",
        ):
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                upkeep_runs(engine.url.render_as_string(hide_password=False), forbidden)
    finally:
        engine.dispose()
        sql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def upkeep_runs(url: str, statement: str) -> None:
    """The statement as that role."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
