"""Many notes in one transaction: captured together with the last of them, as the transaction left the contracts."""

# ruff: noqa: S608 (an application writes its own SQL here)

import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from outbox.install import recapture
from tests.conftest import Database
from tests.sources import MAPPING, QUERY, Source

TOTALS = """
CREATE TABLE total (contract_id bigint PRIMARY KEY, n int);
CREATE FUNCTION count_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO total VALUES (new.id, 1) ON CONFLICT (contract_id) DO UPDATE SET n = total.n + 1;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER count_again AFTER UPDATE ON contract DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION count_again();
"""
LATE = """
CREATE FUNCTION write_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.note = 'late' THEN
    UPDATE contract SET note = 'done' WHERE id = new.id;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER write_late AFTER UPDATE ON contract DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION write_late();
"""
EXPIRED = {
    "trigger": "expired",
    "table": "contract",
    "on": "update",
    "contract": "new.id",
    "when": "new.note LIKE 'expired%' AND new.note IS DISTINCT FROM old.note",
}
TRANSACTION_IDS = "SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)"


@pytest.fixture
def source(database: Database) -> Source:
    """The application, captured, with eight contracts, a rule for `expired`, and a NOTIFY to come."""
    made = Source(database)
    made.install(capture=[*MAPPING["capture"], EXPIRED], wakeup="notify")
    made.run("INSERT INTO contract (id, expires_at) SELECT n, '2026-01-01+00' FROM generate_series(1, 8) AS n")
    made.clear()
    return made


def settled(source: Source) -> None:
    """Every note has its event and every event its note; nothing failed."""
    assert source.errors() == []
    assert source.rows(
        "SELECT count(*) FROM outbox.inbox i FULL JOIN outbox.event e ON e.id = i.event_id"
        " WHERE i.event_id IS NULL OR e.id IS NULL"
    ) == [(0,)]


def raised(source: Source) -> list[tuple[str, int]]:
    """How often each trigger was raised."""
    return source.rows("SELECT trigger, count(*) FROM outbox.event GROUP BY 1 ORDER BY 1")


def test_expired_among_others_in_bulk(source: Source) -> None:
    """An `expired` between other notes of one statement disturbs none of them, and is raised once for a deadline."""
    source.run("UPDATE contract SET title = 'b', note = CASE WHEN id = 5 THEN 'expired' END")
    settled(source)
    assert raised(source) == [("expired", 1), ("update", 8)]
    source.run("UPDATE contract SET title = 'c', note = 'expired again'")
    settled(source)
    assert raised(source) == [("expired", 8), ("update", 16)]
    assert source.rows("SELECT count(*) FROM outbox.expiry x JOIN outbox.event e ON e.id = x.event_id") == [(8,)]


def test_filtered_among_others_in_bulk(source: Source) -> None:
    """Contracts that the query excludes raise nothing, are counted once each, and leave no note."""
    source.run("UPDATE contract SET is_template = true WHERE id <= 3")
    source.clear()
    source.run("ALTER SEQUENCE outbox.filtered RESTART")
    source.run("UPDATE contract SET title = 'b'")
    settled(source)
    assert raised(source) == [("update", 5)]
    assert source.rows("SELECT nextval('outbox.filtered')") == [(3,)]


def test_documents_show_what_deferred_triggers_of_the_application_did(database: Database) -> None:
    """What the application's own deferred triggers write at commit is in every document, whichever statement it was."""
    source = Source(database)
    source.run(TOTALS)
    query = QUERY.replace("c.title,", "c.title, (SELECT t.n FROM total t WHERE t.contract_id = c.id) AS n,")
    source.install(contract={"query": query})
    source.run("INSERT INTO contract (id) SELECT generate_series(1, 5)")
    source.clear()
    source.run(*(f"UPDATE contract SET title = 'b' WHERE id = {key}" for key in range(1, 6)))
    assert source.rows("SELECT document -> 'n' FROM outbox.event") == [(1,)] * 5


@pytest.mark.parametrize(
    "mode", ["", "; SET CONSTRAINTS ALL IMMEDIATE", "; SET CONSTRAINTS outbox.outbox_capture IMMEDIATE"]
)
def test_notes_made_while_committing_are_captured(source: Source, mode: str) -> None:
    """A deferred trigger of the application that changes contracts itself: each change one event, none twice."""
    source.run(LATE)
    source.run(
        f"UPDATE contract SET note = 'late' WHERE id IN (1, 2){mode}",
        "UPDATE contract SET note = 'late' WHERE id IN (3, 4)",
    )
    settled(source)
    assert raised(source) == [("update", 8)]
    assert source.rows("SELECT DISTINCT note FROM contract WHERE id < 5") == [("done",)]


def test_a_filtered_note_is_dropped_once_though_one_made_between_came_first(source: Source) -> None:
    """A trigger that fires for a note already dropped with a later one counts and records nothing again."""
    source.run(LATE, "UPDATE contract SET is_template = true")
    source.run("ALTER SEQUENCE outbox.filtered RESTART")
    source.run("UPDATE contract SET note = 'late' WHERE id IN (1, 2); SET CONSTRAINTS ALL IMMEDIATE")
    settled(source)
    assert (raised(source), source.rows("SELECT nextval('outbox.filtered')")) == ([], [(4,)])


def test_immediate_in_the_middle_and_notes_after_it(source: Source) -> None:
    """SET CONSTRAINTS IMMEDIATE captures what was noted; what follows is captured as it comes, then at commit again."""
    source.run(
        "UPDATE contract SET title = 'a' WHERE id < 3",
        "SET CONSTRAINTS ALL IMMEDIATE",
        "UPDATE contract SET title = 'b'",
        "SET CONSTRAINTS ALL DEFERRED",
        "UPDATE contract SET title = 'c'",
    )
    settled(source)
    assert raised(source) == [("update", 18)]
    assert source.rows("SELECT document ->> 'title' FROM outbox.event ORDER BY id LIMIT 2") == [("a",), ("a",)]


def test_savepoints_rolled_back_after_notes_and_after_capture(source: Source) -> None:
    """What was noted or captured under a savepoint goes with it, and what stood before is captured all the same."""
    source.run(
        "UPDATE contract SET title = 'a' WHERE id < 3",
        "SAVEPOINT one",
        "UPDATE contract SET title = 'b'",
        "ROLLBACK TO one",
        "SET CONSTRAINTS ALL IMMEDIATE",
        "UPDATE contract SET title = 'c' WHERE id = 3",
        "ROLLBACK TO one",
    )
    settled(source)
    assert source.rows("SELECT contract_id, document ->> 'title' FROM outbox.event ORDER BY id") == [
        ("1", "a"),
        ("2", "a"),
    ]


def test_settings_taken_back_lose_nothing(source: Source) -> None:
    """RESET ALL in the middle of a transaction takes our marks; every note is captured nonetheless."""
    source.run("UPDATE contract SET title = 'a'", "RESET ALL", "UPDATE contract SET title = 'b'", "RESET ALL")
    settled(source)
    assert raised(source) == [("update", 16)]


@pytest.fixture
def many(source: Source) -> Source:
    """Two thousand contracts, so that counts show."""
    source.run("INSERT INTO contract (id, expires_at) SELECT n, '2026-01-01+00' FROM generate_series(9, 2000) AS n")
    source.run("ANALYZE contract")
    source.clear()
    return source


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE contract SET title = 'b'",),
        ("UPDATE contract SET note = 'expired'",),
        ("SET CONSTRAINTS ALL IMMEDIATE", "UPDATE contract SET title = 'b'"),
        ("UPDATE contract SET is_template = true", "SET CONSTRAINTS ALL IMMEDIATE", "UPDATE contract SET title = 'c'"),
    ],
)
def test_a_bulk_change_takes_a_handful_of_transaction_ids(many: Source, statements: tuple[str, ...]) -> None:
    """Whatever the triggers and whenever they fire, two thousand rows take no id each."""
    (before,) = many.rows(TRANSACTION_IDS)[0]
    many.run(*statements)
    (after,) = many.rows(TRANSACTION_IDS)[0]
    settled(many)
    assert after - before < 20


@pytest.fixture
def waiting(source: Source) -> Iterator["psycopg.Connection[tuple[int, ...]]"]:
    """A session that has planned its statements for an empty inbox, which then grew to 100,000 without an ANALYZE."""
    source.run("ALTER TABLE outbox.inbox SET (autovacuum_enabled = false)", "ANALYZE outbox.inbox")
    with closing(psycopg.connect(source.database.dsn)) as connection:
        for title in "abcdefgh":
            connection.execute(f"UPDATE contract SET title = '{title}'".encode())
            connection.commit()
        source.run(
            "SET session_replication_role = replica",
            "INSERT INTO outbox.inbox (trigger, contract_id) SELECT 'update', n FROM generate_series(1, 100000) AS n",
        )
        yield connection


def test_the_notes_of_a_transaction_are_read_by_key(waiting: "psycopg.Connection[tuple[int, ...]]") -> None:
    """However the inbox has grown since it was last analyzed, a commit reads its own notes alone."""
    reads = "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'inbox'"
    waiting.execute("UPDATE contract SET title = 'z', is_template = id = 1")
    before = waiting.execute(reads).fetchall()[0]
    waiting.execute("SET CONSTRAINTS ALL IMMEDIATE")
    after = waiting.execute(reads).fetchall()[0]
    noted, dropped = 8, 1
    assert (after[0] - before[0], after[1] - before[1]) == (0, noted + dropped)


@pytest.mark.parametrize("tables", ["recipient", "outbox.inbox", "outbox.event", "outbox.inbox, outbox.capture_error"])
def test_a_lock_delays_no_bulk_change(many: Source, tables: str) -> None:
    """Twenty thousand rows under a lock wait for it once: no row waits even a millisecond more."""
    many.run("INSERT INTO contract (id) SELECT generate_series(2001, 20000)")
    many.clear()
    with closing(many.database.connect()) as other:
        other.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE".encode())
        with closing(many.database.connect()) as connection:
            started = time.monotonic()
            connection.execute("UPDATE contract SET title = 'b'")
            connection.commit()
            took = time.monotonic() - started
    assert took < 18
    if "capture_error" not in tables:
        assert len(many.errors()) == 20_000
        assert {state for _, _, state, _ in many.errors()} == {"55P03"}


def test_what_a_lock_kept_from_capture_is_recaptured(many: Source) -> None:
    """The recorded rows of a bulk change become events."""
    with closing(many.database.connect()) as other:
        other.execute("LOCK TABLE recipient IN ACCESS EXCLUSIVE MODE")
        many.run("UPDATE contract SET title = 'b'")
    assert recapture(many.database.engine).recaptured == 2000
    assert raised(many) == [("update", 2000)]
