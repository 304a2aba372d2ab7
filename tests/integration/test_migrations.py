"""Migrating creates, upgrades and refuses."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text

from outbox.errors import SchemaError
from outbox.migrations import as_sql, check_schema, migrate, migrations
from tests.conftest import Database


def test_migrate_creates_the_schema_and_then_has_nothing_to_do(empty_database: Database) -> None:
    """A second run applies nothing."""
    first = migrate(empty_database.engine)
    second = migrate(empty_database.engine)

    assert first == migrations()
    assert second == ()
    with empty_database.engine.connect() as connection:
        check_schema(connection)


def test_two_migrates_at_once_apply_each_migration_once(empty_database: Database) -> None:
    """They take turns, a migration at a time, and none is applied twice."""
    applied: list[int] = []

    def run() -> None:
        applied.extend(one.number for one in migrate(empty_database.make_engine()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(applied) == [one.number for one in migrations()]


def test_migrate_refuses_a_newer_schema(database: Database) -> None:
    """An old version never works on a schema it doesn't know."""
    with database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO outbox.migration (number, name, sha256, oldest) VALUES (9999, 'later', 'x', 9999)")
        )

    with pytest.raises(SchemaError, match="got 9999: a newer contract-outbox"):
        migrate(database.engine)
    with database.engine.connect() as connection, pytest.raises(SchemaError, match="upgrade the one that is installed"):
        check_schema(connection)


def test_migrate_refuses_a_changed_migration(database: Database) -> None:
    """A file that was applied never changes."""
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE outbox.migration SET sha256 = 'other' WHERE number = 1"))

    with pytest.raises(SchemaError, match="got different files for 1"):
        migrate(database.engine)


def test_check_schema_says_what_to_run(empty_database: Database) -> None:
    """A database without the schema gets the command, not a traceback."""
    with (
        empty_database.engine.connect() as connection,
        pytest.raises(SchemaError, match="run `outbox migrate`"),
    ):
        check_schema(connection)


def test_the_printed_script_makes_the_same_schema(make_database: Callable[..., Database], database: Database) -> None:
    """`--sql` is what migrating runs."""
    printed = make_database()
    with printed.connect(autocommit=True) as connection:
        connection.execute(as_sql().encode())

    columns = """
        SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema LIKE 'outbox%' ORDER BY 1, 2, 3"""
    with printed.connect() as one, database.connect() as other:
        assert one.execute(columns).fetchall() == other.execute(columns).fetchall()
    assert migrate(printed.engine) == ()
