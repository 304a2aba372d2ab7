"""Two versions on one schema: migrated under running workers and open transactions, nothing waits or is lost."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from outbox import migrations as product
from outbox.errors import SchemaError
from outbox.migrations import Migration, check_schema, migrate, migrations
from tests.conftest import Database
from tests.daemons import HURRY, check_order, check_whole, daemon, ends_well, load, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note, insert_open
from tests.program import ROOT, Program, program
from tests.receiver import receiver
from tests.relays import in_thread, wait_for

NEWEST = migrations()[-1].number
NEXT = f"""
-- compatible with: {NEWEST}
CREATE TABLE outbox.later (event_id bigint PRIMARY KEY);
ALTER TABLE outbox.inbox ADD COLUMN later text;
ALTER TABLE outbox.queue ADD COLUMN later integer NOT NULL DEFAULT 0;
ALTER TABLE outbox.event ADD COLUMN later jsonb;
ALTER TABLE outbox.attempt ADD COLUMN later text;
CREATE INDEX queue_later ON outbox.queue (later) WHERE later > 0;
CREATE FUNCTION outbox.later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER later BEFORE INSERT ON outbox.attempt FOR EACH ROW EXECUTE FUNCTION outbox.later();
"""
"""What later versions may do to tables that are in use."""

NEWER = f"got {NEWEST + 1}: a newer contract-outbox was here"


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with; the source's functions stand."""
    with connect(database) as connection:
        create_source(connection)
        yield connection


def of_next_version(outbox: Program, folder: Path) -> Program:
    """The same command of a version that has one migration more."""
    root = folder / "next"
    for name in ("outbox", "outbox_demo", "sql", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "scheduler.py", root)
    (root / "sql" / "migrations" / f"{NEWEST + 1:04d}_later.sql").write_text(NEXT)
    return replace(outbox, root=root, environment={**outbox.environment, "PYTHONPATH": str(root)})


def troubles(log: Path) -> list[str]:
    """What a daemon complained about."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [str(line) for line in lines if line["level"] in ("warning", "error")]


@pytest.mark.slow
def test_two_versions_work_on_the_newer_schema(database: Database, sql: Connection, tmp_path: Path) -> None:
    """Migrated under a worker of the version before and under load: both deliver, side by side."""
    with receiver() as crm:
        connector = insert_connector(sql, url=crm.url, max_in_flight=16)
        older = program(tmp_path, database.url, **HURRY)
        newer = of_next_version(older, tmp_path)
        with load(database) as written, daemon(older, sql) as first:
            wait_for(lambda: len(crm.received) > 30)
            assert f"applied {NEWEST + 1:04d} later" in newer("migrate")
            stands = len(crm.received)
            wait_for(lambda: len(crm.received) > stands + 30)
            with daemon(newer, sql) as second:
                ends_well(first, seconds=30)
                stands = len(crm.received)
                wait_for(lambda: len(crm.received) > stands + 30)
                ends_well(second, seconds=30)
        older("run", "--once")

        assert open_deliveries(sql) == 0
        came = check_whole(sql, crm, connector, written)
        check_order(crm)
    assert set(came.values()) == {1}
    assert troubles(tmp_path / "outbox.log") == []


@pytest.mark.parametrize(("oldest", "works"), [(NEWEST, True), (NEWEST + 1, False)])
def test_a_worker_starts_on_a_newer_schema_that_calls_it_compatible(
    database: Database, sql: Connection, oldest: int, *, works: bool
) -> None:
    """On no other; and it never migrates one, for it would put its own views back."""
    sql.execute("INSERT INTO outbox.migration VALUES (%s, 'later', 'x', %s)", [NEWEST + 1, oldest])

    with database.engine.connect() as connection, nullcontext() if works else pytest.raises(SchemaError, match=NEWER):
        check_schema(connection)
    with pytest.raises(SchemaError, match=NEWER):
        migrate(database.engine)


@pytest.mark.usefixtures("with_later")
def test_a_worker_never_starts_on_an_older_schema(database: Database) -> None:
    """The database is migrated first, the workers come after."""
    with (
        database.engine.connect() as connection,
        pytest.raises(SchemaError, match=f"version {NEWEST + 1}, got {NEWEST}; run `outbox migrate`"),
    ):
        check_schema(connection)


def test_an_older_schema_is_migrated_with_what_it_holds(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Facts, work and connectors of the first schema are delivered from the newest one."""
    every = migrations()
    with monkeypatch.context() as before:
        before.setattr(product, "migrations", lambda: tuple(one for one in every if one.number <= 6))
        before.setattr(product, "audit_views", tuple)
        assert [one.number for one in migrate(empty_database.engine)] == [1, 2, 3, 4, 5, 6]
    with connect(empty_database) as sql, receiver() as crm:
        create_source(sql)
        connector = insert_connector(sql, url=crm.url)
        noted, queued = insert_note(sql, "k1"), insert_open(sql, connector, "k2")

        assert [one.number for one in migrate(empty_database.engine)] == [one.number for one in every[6:]]
        program(tmp_path, empty_database.url)("run", "--once")
        check_whole(sql, crm, connector, [noted, queued])


def test_every_migration_lets_the_version_before_work() -> None:
    """Each after the first schema says which code it is compatible with, and that is older than itself."""
    assert [one.number for one in migrations() if one.number > 6 and one.oldest >= one.number] == []


@pytest.fixture
def with_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further migration, which touches the tables that the application's own transactions write."""
    later = Migration(NEWEST + 1, "later", NEXT)
    every = (*migrations(), later)
    monkeypatch.setattr(product, "migrations", lambda: every)


@pytest.mark.usefixtures("with_later")
def test_the_application_waits_for_no_migration(database: Database, sql: Connection) -> None:
    """One transaction that is left open holds the migration up, again and again, and no other commit."""
    applied: list[Migration] = []
    with database.connect() as left_open:
        insert_note(left_open)
        with in_thread(lambda: applied.extend(migrate(database.make_engine()))):
            wait_for(lambda: _waits(sql))
            sql.execute("SET lock_timeout = '5s'")
            for _ in range(50):
                insert_note(sql)
            assert applied == []
            left_open.commit()

    assert [one.number for one in applied] == [NEWEST + 1]
    assert sql.execute("SELECT count(*) FROM outbox.inbox").fetchall() == [(51,)]


def _waits(sql: Connection) -> bool:
    rows = sql.execute(
        "SELECT count(*) FROM pg_locks WHERE relation = 'outbox.inbox'::regclass AND NOT granted"
    ).fetchall()
    return rows != [(0,)]


@pytest.mark.usefixtures("with_later")
def test_a_transaction_that_stays_open_ends_the_migration_in_words(database: Database) -> None:
    """After a minute, here at once, it gives up; what was there before stands as it was."""
    with database.connect() as left_open:
        insert_note(left_open)
        with pytest.raises(SchemaError, match=re.escape("end the transaction that is left open")):
            migrate(database.engine, patience_seconds=0)
    with database.engine.connect() as connection:
        with pytest.raises(SchemaError, match="run `outbox migrate`"):
            check_schema(connection)
        assert connection.execute(text("SELECT max(number) FROM outbox.migration")).scalar_one() == NEWEST
