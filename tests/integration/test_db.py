"""Connections: what they are set to, and how a lost database is told from a wrong statement."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from outbox.db import has_to_wait, is_transient, link_settings, make_engine, server_version
from outbox.settings import Database as DatabaseSettings
from outbox.settings import Settings
from outbox.wake import Listener
from tests.conftest import Database
from tests.relays import wait_for

PLANTED = "hunter2-planted"
SOCKETS = "tmp"


def settings(url: str, *, pgbouncer: bool = False, connect_timeout_seconds: int = 5) -> Settings:
    """Settings for a database."""
    section = DatabaseSettings(
        url=SecretStr(url), pgbouncer=pgbouncer, connect_timeout_seconds=connect_timeout_seconds, pool_size=2
    )
    return Settings(database=section)


@contextmanager
def engine_on(database: Database, *, pgbouncer: bool = False) -> Iterator[Engine]:
    """An engine as the service has it."""
    engine = make_engine(settings(database.url, pgbouncer=pgbouncer), name="outbox test")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(empty_database: Database) -> Iterator[Engine]:
    """An engine on an empty database."""
    with engine_on(empty_database) as made:
        yield made


def shown(connection: Connection, name: str) -> object:
    """The value of a setting of the server."""
    return connection.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one()


def failed(connection: Connection, statement: str) -> DBAPIError:
    """The error of a statement, whose transaction is rolled back."""
    with pytest.raises(DBAPIError) as caught:
        connection.execute(text(statement))
    connection.rollback()
    return caught.value


def test_connections_are_the_same_whatever_the_database_defaults_to(empty_database: Database) -> None:
    """UTC, READ COMMITTED and a name that a DBA can see in pg_stat_activity."""
    with empty_database.connect(autocommit=True) as owner:
        for setting in ("timezone = 'Asia/Kolkata'", "default_transaction_isolation = 'serializable'"):
            owner.execute(f"ALTER DATABASE {empty_database.name} SET {setting}".encode())

    with engine_on(empty_database) as engine, engine.connect() as connection:
        assert shown(connection, "TimeZone") == "UTC"
        assert shown(connection, "transaction_isolation") == "read committed"
        assert shown(connection, "application_name") == "outbox test"
        assert server_version(connection) == connection.connection.driver_connection.info.server_version  # type: ignore[union-attr]


def test_a_host_that_vanished_is_noticed_within_a_minute(
    engine: Engine, empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idle or waiting for an answer, each connection of ours, the listening one too."""
    connect = psycopg.connect
    opened: list[psycopg.Connection[tuple[object, ...]]] = []

    def kept(*words: Any, **values: Any) -> Any:
        opened.append(connect(*words, **values))
        return opened[-1]

    monkeypatch.setattr("psycopg.connect", kept)
    with engine.connect():
        listener = Listener(engine.url, lambda: None, link_settings=link_settings(settings(empty_database.url)))
        listener.start()
        wait_for(lambda: len(opened) == 2)
        parameters = [link.info.get_parameters() for link in opened]
        listener.stop()

    names = ("tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "connect_timeout")
    assert [[one[name] for name in names] for one in parameters] == [["60000", "30", "10", "3", "5"]] * 2


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_the_server_ends_what_a_silent_worker_left_open(empty_database: Database, over: str) -> None:
    """A transaction that nobody goes on with is ended, for its worker a lost connection; a session at rest stays."""
    url = empty_database.url
    if over == "unix":  # where TCP has no say
        url = url.replace("127.0.0.1", "") + f"?host={Path(empty_database.server.base_dir) / SOCKETS}"
    engine = make_engine(settings(url), abandoned_seconds=0.3)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(1)"))
        with empty_database.connect(autocommit=True) as other:
            other.execute("SET lock_timeout = '5s'")
            other.execute("SELECT pg_advisory_lock(1)")
        with pytest.raises(DBAPIError) as caught:
            connection.execute(text("SELECT 1"))
    assert is_transient(caught.value)

    with engine.connect() as connection:
        at_rest = connection.connection.driver_connection
        assert shown(connection, "tcp_user_timeout") == ("300" if over == "tcp" else "0")
        connection.commit()
        time.sleep(0.6)
        assert shown(connection, "idle_in_transaction_session_timeout") == "300ms"
        assert connection.connection.driver_connection is at_rest
    engine.dispose()


@pytest.mark.parametrize("pgbouncer", [False, True])
def test_behind_pgbouncer_nothing_is_left_in_the_session(empty_database: Database, *, pgbouncer: bool) -> None:
    """In transaction mode the next transaction may have another session: no prepared statements there."""
    with engine_on(empty_database, pgbouncer=pgbouncer) as engine, engine.connect() as connection:
        for _ in range(10):
            connection.execute(text("SELECT CAST(:n AS integer)"), {"n": 1})
        prepared = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()

    assert (prepared == 0) == pgbouncer


def test_a_lost_connection_is_transient_and_the_next_one_works(engine: Engine, empty_database: Database) -> None:
    """A session that ends in a statement is worth a retry; one that ended while idle is not even noticed."""
    with engine.connect() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with empty_database.connect(autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(DBAPIError) as caught:
            connection.execute(text("SELECT 1"))

    assert is_transient(caught.value)
    assert not has_to_wait(caught.value)
    with empty_database.connect(autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'outbox test'"
        )
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_server_that_is_not_there_is_transient() -> None:
    """A refused connection is waited for: the daemon outlives a restart of its database."""
    engine = make_engine(settings("postgresql://u@127.0.0.1:1/none"))
    with pytest.raises(DBAPIError) as caught:
        engine.connect()

    assert is_transient(caught.value)
    engine.dispose()


def test_a_server_that_never_answers_is_given_up() -> None:
    """connect_timeout_seconds bounds what a silent host can hold."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://u:{PLANTED}@127.0.0.1:{silent.getsockname()[1]}/d"
        engine = make_engine(settings(url, connect_timeout_seconds=2))
        started = time.monotonic()
        with pytest.raises(DBAPIError) as caught:
            engine.connect()

    assert time.monotonic() - started < 10
    assert is_transient(caught.value)
    assert PLANTED not in str(caught.value)
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "transient", "waits"),
    [
        ("SELEC 1", False, False),
        ("SELECT nothing_there", False, False),
        ("SELECT 1 / 0", False, False),
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)", True, True),
        ("SET LOCAL lock_timeout = '20ms'; LOCK held IN SHARE MODE", True, True),
        ("SET TRANSACTION READ ONLY; CREATE TABLE one (id integer)", True, False),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$", True, True),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", True, False),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '23505'; END $$", False, False),
    ],
)
def test_what_is_worth_waiting_for(
    engine: Engine, empty_database: Database, statement: str, *, transient: bool, waits: bool
) -> None:
    """Locks, time, a standby and a full disk pass; a wrong statement or value doesn't."""
    with empty_database.connect() as other:
        other.execute("CREATE TABLE held (id integer)")
        other.commit()
        other.execute("LOCK held IN EXCLUSIVE MODE")
        with engine.connect() as connection:
            error = failed(connection, statement)

    assert (is_transient(error), has_to_wait(error)) == (transient, waits)


def test_errors_show_no_values(engine: Engine) -> None:
    """Contracts, headers and secrets are bound values: a failing statement is shown without them."""
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT CAST(:body AS jsonb) WHERE :other = 'x'"), {"body": "{", "other": PLANTED})

    assert PLANTED not in str(caught.value)
    assert isinstance(caught.value.orig, psycopg.Error)
