"""One fault at a time, planted where all is well: the doctor names that one, with its mend, and no other."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection, create_engine

from outbox import __version__
from outbox.doctor import CHECKS, Finding, Level, examine, look, service, storage
from outbox.doctor.ground import Ground
from outbox.embedded import binaries
from outbox.migrations import migrate
from outbox.secret_box import SecretBox
from outbox.settings import Database, Relay, Secrets, Settings
from tests.contract_application import install_application
from tests.doctor_plants import GRANTS, PLANTS, Plant
from tests.factories import insert_connector
from tests.postgres import DEFAULT_VERSION, Server

KEY = Fernet.generate_key().decode()
RELAY = Relay(heartbeat_seconds=60.0)


def settings(**sections: Any) -> Settings:
    """Settings with one secret key; a worker is alive for ten minutes after a sign of it."""
    return Settings.model_validate({"relay": RELAY, "secrets": Secrets(keys=SecretStr(KEY)), **sections})


@pytest.fixture(scope="module")
def clinic() -> Iterator[Server]:
    """A server of this file's own, with one database in which everything is well."""
    with Server(binaries(DEFAULT_VERSION), options="-c max_prepared_transactions=4") as server:
        engine = create_engine(server.sqlalchemy_url())
        migrate(engine)
        engine.dispose()
        install_application(server, "test")
        with psycopg.connect(str(server.url()), autocommit=True) as connection:
            secret = SecretBox([SecretStr(KEY)]).seal("planted")
            insert_connector(connection, business_units=["1"], secret=secret)
            connection.execute(
                "INSERT INTO outbox.worker (name, host, pid, version, transport, clock_ahead)"
                " VALUES ('host:1', 'host', 1, %s, 'requests', 0.01)",
                [__version__],
            )
            connection.execute("CREATE ROLE clerk")
        yield server


@pytest.fixture
def ward(clinic: Server) -> Iterator[Connection]:
    """A connection to it; what is planted in its transaction is gone afterwards."""
    engine = create_engine(clinic.sqlalchemy_url())
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


@pytest.fixture
def outside(clinic: Server) -> Iterator["psycopg.Connection[Any]"]:
    """A session whose every statement stands at once."""
    with closing(psycopg.connect(str(clinic.url()), autocommit=True)) as connection:
        yield connection


def raw(connection: Connection) -> "psycopg.Connection[Any]":
    """The driver's connection, in the same transaction."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def wrong(findings: list[Finding]) -> list[Finding]:
    """What is not well."""
    return [one for one in findings if one.level is not Level.OK]


def assert_named(findings: list[Finding], name: str, level: Level, words: str, mend: str) -> None:
    """Nothing but this check complains, at this level at worst, in these words, with this mend."""
    found = wrong(findings)
    assert {one.name for one in found} == {name}, found
    assert (Level.FAULT in {one.level for one in found}) == (level is Level.FAULT), found
    assert [one for one in found if one.level is level and words in one.words and mend in (one.mend or "")], found


def test_a_sound_installation_is_well(ward: Connection) -> None:
    """Every check answers, and none complains; as a role with the rights to run, too, which may do nothing else."""
    findings = look(ward, settings())
    assert [one.name for one in findings] == list(CHECKS)
    assert wrong(findings) == []

    for grant in (*GRANTS, "SET LOCAL ROLE clerk"):
        raw(ward).execute(grant.encode())
    assert wrong(look(ward, settings())) == []


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_the_doctor_names_what_is_wrong(ward: Connection, plant: Plant) -> None:
    """That check, that level, these words, this mend; every other check stays well."""
    for statement in plant.sql:
        raw(ward).execute(statement.encode())
    if plant.work is not None:
        plant.work(raw(ward))

    findings = look(ward, settings(**plant.settings))

    assert_named(findings, plant.name, plant.level, plant.words, plant.mend)


def test_a_session_that_stays_in_its_transaction(
    ward: Connection, outside: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose, and for how long; one of a day is a fault."""
    outside.execute("SET application_name = 'report'")
    outside.execute("BEGIN")
    outside.execute("SELECT FROM contract")
    monkeypatch.setattr(storage, "HELD_SECONDS", 0.0)
    mend = f"SELECT pg_terminate_backend({outside.info.backend_pid})"
    words = "of postgres (report, idle in transaction) has had a transaction open for"

    assert_named(look(ward, settings()), "snapshots", Level.WARNING, words, mend)
    monkeypatch.setattr(storage, "HELD_TOO_LONG_SECONDS", 0.0)
    assert_named(look(ward, settings()), "snapshots", Level.FAULT, words, mend)


def test_a_prepared_transaction_that_nobody_ends(
    ward: Connection, outside: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds vacuum back, and its locks, over every restart."""
    outside.execute("BEGIN")
    outside.execute("CREATE TABLE prepared ()")
    outside.execute("PREPARE TRANSACTION 'left over'")
    monkeypatch.setattr(storage, "HELD_SECONDS", 0.0)
    try:
        findings = look(ward, settings())
    finally:
        outside.execute("ROLLBACK PREPARED 'left over'")

    assert_named(
        findings, "snapshots", Level.WARNING, "postgres prepared as left over", "ROLLBACK PREPARED 'left over'"
    )


def test_a_replication_slot_that_nobody_reads(ward: Connection, outside: "psycopg.Connection[Any]") -> None:
    """It keeps WAL until the disk is full."""
    outside.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        findings = look(ward, settings())
    finally:
        outside.execute("SELECT pg_drop_replication_slot('forgotten')")

    words = "nobody reads replication slot forgotten; it keeps"
    assert_named(findings, "snapshots", Level.WARNING, words, "SELECT pg_drop_replication_slot('forgotten')")


def test_dead_rows_that_autovacuum_leaves(
    ward: Connection, outside: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many beside how many, and since when."""
    for _ in range(5):
        outside.execute("UPDATE outbox.worker SET pid = pid")
    outside.execute("SELECT pg_stat_force_next_flush()")
    monkeypatch.setattr(storage, "DEAD_ROWS", 0)

    findings = look(ward, settings())

    assert_named(findings, "vacuum", Level.WARNING, "outbox.worker holds ", "VACUUM outbox.worker")


def test_a_bloated_table_of_work(ward: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its bytes for a row."""
    monkeypatch.setattr(storage, "BLOATED_BYTES", 1)
    monkeypatch.setattr(storage, "BLOATED_ROW_BYTES", 100)

    findings = look(ward, settings())

    assert_named(findings, "vacuum", Level.WARNING, "outbox.worker takes", "VACUUM FULL outbox.worker")


def test_autovacuum_that_is_off_for_the_whole_server(ward: Connection, outside: "psycopg.Connection[Any]") -> None:
    """Told once, not for each table."""

    def turn(setting: str) -> None:
        outside.execute(f"ALTER SYSTEM SET autovacuum = {setting}".encode())
        outside.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 30
        while raw(ward).execute("SHOW autovacuum").fetchone() != (setting,):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    turn("off")
    try:
        findings = look(ward, settings())
    finally:
        turn("on")

    assert_named(findings, "vacuum", Level.FAULT, "autovacuum is off for the whole server", "postgresql.conf")
    assert len(wrong(findings)) == 1


def test_a_server_that_was_never_tried(ward: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer is a warning, older a fault that ends the examination."""
    monkeypatch.setattr(service, "NEWEST_SERVER", 15)
    assert_named(look(ward, settings()), "connection", Level.WARNING, "was tried on is 15", "newer contract-outbox")
    monkeypatch.setattr(service, "OLDEST_SERVER", 170000)
    assert_named(look(ward, settings()), "connection", Level.FAULT, "expected 17 or newer", "upgrade the server")


def test_a_database_of_another_encoding(clinic: Server, outside: "psycopg.Connection[Any]") -> None:
    """What it can't hold can't be captured."""
    outside.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    engine = create_engine(clinic.sqlalchemy_url("latin"))
    try:
        with engine.connect() as connection:
            (finding,) = service.check_connection(Ground("connection", connection, settings()))
    finally:
        engine.dispose()

    assert_named([finding], "connection", Level.WARNING, "encoding is LATIN1, not UTF8", "move the database to UTF8")


@pytest.mark.parametrize(("off", "level"), [(30.0, Level.WARNING), (-600.0, Level.FAULT)])
def test_this_hosts_clock(ward: Connection, monkeypatch: pytest.MonkeyPatch, off: float, level: Level) -> None:
    """Ahead or behind; beyond what receivers forgive it is a fault."""
    clock = service.host_time
    monkeypatch.setattr(service, "host_time", lambda: clock() + off)

    words = "ahead of the database's" if off > 0 else "behind the database's"
    assert_named(look(ward, settings()), "clock", level, words, "NTP")


@pytest.mark.parametrize("name", ["keys_file", "outbox.toml"])
def test_secrets_that_everybody_can_read(ward: Connection, tmp_path: Path, name: str) -> None:
    """The file, the key, the command that mends it; in a file of settings too."""
    file = tmp_path / name
    file.write_text(f'[secrets]\nkeys = "{KEY}"\n' if name == "outbox.toml" else KEY)
    file.chmod(0o644)
    given = Secrets(keys_file=file) if name == "keys_file" else Secrets(keys=SecretStr(KEY))
    named = settings(secrets=given, folder=tmp_path)

    words = f"{file}, which holds the secret of secrets.keys"
    assert_named(look(ward, named), "files", Level.WARNING, words, f"chmod o-rwx {file}")
    file.chmod(0o640)
    assert wrong(look(ward, named)) == []


SESSIONS = {
    "default_transaction_read_only = on": (Level.FAULT, "read only by default", "RESET default_transaction_read_only"),
    "statement_timeout = '2s'": (Level.WARNING, "statements end after 2s", "SET statement_timeout = '60s'"),
}


@pytest.mark.parametrize("setting", SESSIONS)
def test_what_sessions_begin_with(clinic: Server, outside: "psycopg.Connection[Any]", setting: str) -> None:
    """Settings of the database or the role that keep the daemon from working."""
    engine = create_engine(clinic.sqlalchemy_url())
    outside.execute(f"ALTER ROLE postgres SET {setting}".encode())
    try:
        findings = examine(engine, settings())
    finally:
        outside.execute(f"ALTER ROLE postgres RESET {setting.partition(' ')[0]}".encode())
        engine.dispose()

    assert_named(findings, "session", *SESSIONS[setting])


def test_a_lock_is_not_waited_for_long(ward: Connection, outside: "psycopg.Connection[Any]") -> None:
    """What can't be looked at is a warning, which may be the moment's; all else is examined."""
    outside.execute("BEGIN")
    outside.execute("LOCK TABLE company")

    findings = look(ward, settings())

    assert {one.name for one in wrong(findings)} == {"capture", "capture rights"}
    assert all(one.level is Level.WARNING for one in wrong(findings))
    assert all("lock" in f"{one.words} {one.mend}" for one in wrong(findings))


def test_an_examination_leaves_nothing_behind(ward: Connection) -> None:
    """No lock on any table, the transaction is as writable as before."""
    look(ward, settings(database=Database(pgbouncer=True)))

    locks = (
        raw(ward)
        .execute("SELECT relation::regclass FROM pg_locks WHERE pid = pg_backend_pid() AND relation >= 16384")
        .fetchall()
    )
    assert locks == []
    raw(ward).execute("CREATE TABLE afterwards ()")
