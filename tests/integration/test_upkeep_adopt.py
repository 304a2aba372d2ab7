"""What a default partition caught becomes a partition of its own, whoever reads meanwhile or dies half way."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from outbox import upkeep
from outbox.db import has_to_wait
from outbox.resources import folder
from tests.conftest import Database
from tests.factories import Connection, connect, insert_attempt, insert_connector
from tests.partitions import FACTS, KEEP, SIZE, count, finished, go_to, ranges


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A plain connection to a migrated database."""
    with connect(database) as connection:
        yield connection


def test_what_the_default_caught_is_adopted(database: Database, sql: Connection) -> None:
    """Rows of every fact get a partition of their own, new ones too, and an empty default takes over."""
    connector = insert_connector(sql)
    go_to(sql, 7 * SIZE + 10)
    events = [finished(sql, connector) for _ in range(3)]
    assert [count(sql, f"{fact}_default") for fact in FACTS] == [3] * 5

    upkeep.keep_up(database.engine, KEEP)

    assert [count(sql, f"{fact}_default") for fact in FACTS] == [0] * 5
    assert [count(sql, fact) for fact in FACTS] == [3] * 5
    assert ranges(sql) == [0, SIZE, 2 * SIZE, 3 * SIZE, 7 * SIZE]
    later = finished(sql, connector)
    assert sql.execute("SELECT id FROM outbox.event_35000000 ORDER BY id").fetchall() == [
        (event,) for event in [*events, later]
    ]
    go_to(sql, 11 * SIZE)
    upkeep.keep_up(database.engine, KEEP)
    assert ranges(sql)[5:] == [12 * SIZE, 13 * SIZE]


def test_a_range_is_adopted_up_to_the_next_one(database: Database, sql: Connection) -> None:
    """A gap between ranges that stand is filled, not overlapped."""
    connector = insert_connector(sql)
    sql.execute("SELECT outbox.make_partition(22000000, 27000000)")
    go_to(sql, 4 * SIZE)
    finished(sql, connector)
    go_to(sql, 23_000_000)

    assert upkeep.adopt(database.engine)
    assert sql.execute(
        "SELECT part, range_end FROM outbox.ranges('attempt') WHERE range_start = 20000000"
    ).fetchall() == [("attempt_20000000", 22_000_000)]


def test_rows_on_both_sides_of_a_range_are_left_for_a_person(database: Database, sql: Connection) -> None:
    """They stay readable in the default, nothing is made over them; what docs/upgrade.md tells him mends it."""
    connector = insert_connector(sql)
    go_to(sql, 4 * SIZE)
    finished(sql, connector, age="1 day")
    sql.execute("SELECT outbox.make_partition(25000000, 30000000)")
    go_to(sql, 6 * SIZE)
    finished(sql, connector, age="1 day")

    assert not upkeep.adopt(database.engine)
    assert upkeep.make_ahead(database.engine, ranges=2) == []
    assert count(sql, "event") == 2

    page = (folder("docs") / "upgrade.md").read_text(encoding="utf-8")
    script = page.partition("```sql\n")[2].partition("```")[0]
    for fact in FACTS:
        keyed = script if fact != "event" else script.replace("event_id", "id")
        sql.execute(keyed.replace("attempt", fact).encode())
    upkeep.keep_up(database.engine, KEEP)
    assert [ranges(sql, fact)[4:] for fact in FACTS] == [[4 * SIZE, 5 * SIZE, 6 * SIZE]] * 5
    assert [count(sql, fact) for fact in FACTS] == [2] * 5
    for fact in FACTS:
        with pytest.raises(psycopg.Error, match="history is append only"):
            sql.execute(f"TRUNCATE outbox.{fact}_20000000".encode())


def condition(sql: Connection) -> list[tuple[object, ...]]:
    """The range that is said of the default partitions, and of how many."""
    return sql.execute("SELECT range_start, range_end, tables FROM outbox.adopt_said()").fetchall()


def test_adopting_that_was_cut_off_is_gone_on_with(database: Database, sql: Connection) -> None:
    """A worker that died half way leaves a condition on the default; the next one ends its work."""
    connector = insert_connector(sql)
    go_to(sql, 4 * SIZE)
    finished(sql, connector)
    sql.execute("SELECT outbox.adopt_begin()")

    upkeep.keep_up(database.engine, KEEP)

    assert ranges(sql)[4:] == [4 * SIZE]
    assert condition(sql) == [(None, None, 0)]


def test_a_reader_between_two_steps_is_no_trap(database: Database, sql: Connection) -> None:
    """What was said stands, commits far beyond go on, the first error is told, and one swap ends it."""
    connector = insert_connector(sql)
    go_to(sql, 4 * SIZE)
    finished(sql, connector)
    sql.execute("SELECT outbox.adopt_begin()")
    said = condition(sql)
    with database.connect(application_name="report") as report:
        report.execute("SELECT count(*) FROM outbox.event")
        for jump in (0, SIZE, 2 * SIZE):
            go_to(sql, 4 * SIZE + jump + 10)
            finished(sql, connector)
            with pytest.raises(DBAPIError, match=r"report \(pid \d+\) on outbox.event") as waits:
                upkeep.adopt(database.engine)
            assert has_to_wait(waits.value)
            assert condition(sql) == said == [(4 * SIZE, 9 * SIZE, 5)]
    upkeep.keep_up(database.engine, KEEP)

    assert ranges(sql)[4:] == [4 * SIZE]
    assert [count(sql, f"{fact}_default") for fact in FACTS] == [0] * 5
    assert [count(sql, f"{fact}_20000000") for fact in FACTS] == [4] * 5


def test_what_was_said_is_widened_before_it_is_full(database: Database, sql: Connection) -> None:
    """Under one lock; and taken back where nothing is in the default any more."""
    connector = insert_connector(sql)
    go_to(sql, 4 * SIZE)
    insert_attempt(sql, 4 * SIZE + 1, connector, outcome="late")
    sql.execute("SELECT outbox.adopt_begin()")
    go_to(sql, 7 * SIZE)
    sql.execute("SELECT outbox.adopt_begin()")
    assert condition(sql) == [(4 * SIZE, 12 * SIZE, 5)]

    upkeep.sweep(database.engine)
    assert not upkeep.adopt(database.engine)
    assert condition(sql) == [(None, None, 0)]


def test_two_at_once_leave_each_step_to_one(database: Database, sql: Connection) -> None:
    """Whoever comes second waits for the next minute; whose work another has ended finds that out."""
    connector = insert_connector(sql)
    go_to(sql, 4 * SIZE)
    finished(sql, connector)
    with database.connect() as other:
        other.execute("SELECT outbox.adopt_begin()")
        with pytest.raises(DBAPIError, match="another session is at the upkeep") as second:
            upkeep.adopt(database.engine)
        other.commit()
        assert upkeep.adopt(database.engine)
        with pytest.raises(psycopg.errors.LockNotAvailable, match="another session has gone on"):
            other.execute("SELECT outbox.adopt_finish(20000000, 45000000)")

    assert has_to_wait(second.value)


def test_a_reader_who_cannot_be_seen_is_told_by_his_lock(database: Database, sql: Connection) -> None:
    """A definer without pg_read_all_stats sees no start of others' transactions: who holds on for a second stays."""
    role = f"blind_{database.name}"
    sql.execute(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA outbox TO {role}".encode())
    sql.execute(f"GRANT EXECUTE ON FUNCTION outbox.stays, outbox.holders TO {role}".encode())
    try:
        with database.connect() as report, database.connect(user=role, autocommit=True) as blind:
            asked = "SELECT outbox.stays(ARRAY['event', 'event_default'])"
            assert blind.execute(asked).fetchall() == [(None,)]
            report.execute("SELECT count(*) FROM outbox.event")
            holder = f"a session (pid {report.info.backend_pid}) on outbox.event"
            assert blind.execute(asked).fetchall() == [(holder,)]
    finally:
        sql.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
