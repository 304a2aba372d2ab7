"""pg_dump and pg_restore: application and outbox together, each apart, and what comes twice after a restore."""

import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outbox.drift import drift
from outbox.embedded import binaries
from outbox.install import install
from outbox.mapping import Mapping
from outbox.migrations import migrate
from tests.conftest import Database
from tests.contract_application import MAPPING
from tests.factories import Connection, connect, insert_connector, insert_delivery, insert_queued
from tests.program import ROOT
from tests.receiver import Receiver, receiver
from tests.relays import numbers, relay_on

OURS = ("outbox", "outbox_audit")
BEYOND = re.compile(r"SELECT setval\('outbox\.event_id', .*\)(?=\")")
"""What docs/backup.md has run after a restore."""


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


@pytest.fixture
def live(source_database: Database, crm: Receiver) -> tuple[Database, int]:
    """A contract application that reports: one event delivered, one being sent by a worker that dies, one noted."""
    with connect(source_database) as sql:
        connector = insert_connector(sql, url=crm.url, business_units=["1"])
    return source_database, connector


def dump(database: Database, file: Path, *options: str) -> Path:
    """A dump in pg_dump's custom format."""
    command = [str(binaries() / "pg_dump"), "--format=custom", f"--file={file}", *options, database.dsn]
    subprocess.run(command, check=True, capture_output=True)
    return file


def restore(database: Database, file: Path, *options: str, code: int = 0) -> str:
    """Restores it into a database; what pg_restore said."""
    done = subprocess.run(
        [str(binaries() / "pg_restore"), f"--dbname={database.dsn}", *options, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr


def create(sql: Connection, contract: str) -> int:
    """The application creates a contract; its event's id."""
    sql.execute("INSERT INTO contract (id, business_unit_id, company_id) VALUES (%s, 1, 7)", [contract])
    return int(str(sql.execute("SELECT max(id) FROM outbox.event").fetchall()[0][0]))


def reinstall(database: Database) -> None:
    """`outbox install`, with the application's mapping."""
    install(database.engine, Mapping.model_validate(tomllib.loads(MAPPING)))


def send(database: Database, worker: str) -> None:
    """A worker sends all that is due, and leaves."""
    with relay_on(database, worker=worker) as relay:
        relay.run_until_idle()


def faults(database: Database) -> list[str]:
    """What differs from the installation."""
    with database.engine.connect() as connection:
        return [one.words for one in drift(connection)]


def test_application_and_outbox_together(
    live: tuple[Database, int], crm: Receiver, make_database: Callable[..., Database], tmp_path: Path
) -> None:
    """History, work, connectors and capture come back; what waited is sent, what changes captured, before install too.

    The lease of a worker that is no more runs out: what it had sent comes twice, under the same webhook-id.
    """
    database, connector = live
    with connect(database) as sql:
        delivered = create(sql, "k1")
        send(database, "w1")
        leased = create(sql, "k2")
        sql.execute("DELETE FROM outbox.inbox")
        insert_delivery(sql, leased, connector, contract_id="k2", trigger="create")
        insert_queued(sql, leased, connector, leased="gone:1", attempts=1, tries=1)
        noted = create(sql, "k3")
    fresh = make_database()
    restore(fresh, dump(database, tmp_path / "all.dump"), "--exit-on-error")

    assert migrate(fresh.engine) == ()
    assert any("dropped and made anew" in words for words in faults(fresh))
    with connect(fresh) as sql:
        early = create(sql, "k0")
    reinstall(fresh)
    assert faults(fresh) == []
    with connect(fresh) as sql:
        later = create(sql, "k4")
        send(fresh, "w2")
        rows = sql.execute(
            "SELECT event_id, number, outcome, settled FROM outbox.attempt ORDER BY event_id, number"
        ).fetchall()
    assert rows == [
        (delivered, 1, "ok", "delivered"),
        (leased, 1, "lost", None),
        (leased, 2, "ok", "delivered"),
        (noted, 1, "ok", "delivered"),
        (early, 1, "ok", "delivered"),
        (later, 1, "ok", "delivered"),
    ]
    assert later > early > noted
    assert (f"dlv_{leased}_{connector}", "2") in numbers(crm)


def test_an_earlier_state_gives_no_id_twice(
    live: tuple[Database, int], crm: Receiver, make_database: Callable[..., Database], tmp_path: Path
) -> None:
    """What waited in the dump is sent again under its own id; new events begin beyond every id that was ever sent."""
    database, connector = live
    documented = BEYOND.search((ROOT / "docs" / "backup.md").read_text())
    assert documented
    with connect(database) as sql:
        waiting = create(sql, "k1")
        saved = dump(database, tmp_path / "all.dump")
        lost = create(sql, "k2")
    send(database, "w1")
    fresh = make_database()
    restore(fresh, saved, "--exit-on-error")
    reinstall(fresh)
    with connect(fresh) as sql:
        sql.execute(documented.group().encode())
        new = create(sql, "k9")
    send(fresh, "w2")

    assert Counter(name for name, _ in numbers(crm)) == {
        f"dlv_{waiting}_{connector}": 2,
        f"dlv_{lost}_{connector}": 1,
        f"dlv_{new}_{connector}": 1,
    }
    assert new > lost + 999_000


def test_the_application_alone(
    live: tuple[Database, int], make_database: Callable[..., Database], tmp_path: Path
) -> None:
    """All of its own comes back; only our capture triggers can't, and pg_restore says so. Then it reports anew."""
    database, _ = live
    with connect(database) as sql:
        create(sql, "k1")
    without = [f"--exclude-schema={schema}" for schema in OURS]
    fresh = make_database()
    said = restore(fresh, dump(database, tmp_path / "application.dump", *without), code=1)
    migrate(fresh.engine)
    reinstall(fresh)
    with connect(fresh) as sql:
        event = create(sql, "k2")
        assert sql.execute("SELECT contract_id FROM outbox.event WHERE id = %s", [event]).fetchall() == [("k2",)]
        assert sql.execute("SELECT id FROM contract ORDER BY id").fetchall() == [("k1",), ("k2",)]

    failed = [line for line in said.splitlines() if line.startswith("pg_restore: error: could not execute")]
    assert failed
    assert all('schema "outbox" does not exist' in line for line in failed)


def test_the_outbox_alone(
    live: tuple[Database, int], crm: Receiver, make_database: Callable[..., Database], tmp_path: Path
) -> None:
    """Beside an application that came from elsewhere: history and what waits are there, and capture after install."""
    database, connector = live
    with connect(database) as sql:
        create(sql, "k1")
    ours = dump(database, tmp_path / "outbox.dump", *(f"--schema={schema}" for schema in OURS))
    theirs = dump(database, tmp_path / "tables.dump", "--schema=public", "--section=pre-data", "--section=data")
    fresh = make_database()
    restore(fresh, theirs, "--clean", "--if-exists")
    restore(fresh, ours, "--exit-on-error")
    assert any("is gone: what it captured is missed" in words for words in faults(fresh))
    reinstall(fresh)
    with connect(fresh) as sql:
        event = create(sql, "k2")
    send(fresh, "w2")

    assert {name for name, _ in numbers(crm)} == {f"dlv_{one}_{connector}" for one in (event - 1, event)}
