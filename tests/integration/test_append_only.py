"""History is append only: for an owner and a superuser too, in every partition, unless a function of ours says so."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.factories import (
    ALLOW_REWRITE,
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    rewrite,
)
from tests.refused import FACTS

PARTITIONED = [fact for fact in FACTS if fact not in ("connector_version", "erasure")]
CHANGES = (
    "UPDATE outbox.event SET document = NULL",
    "UPDATE outbox.decision SET reason = 'deliver'",
    "UPDATE outbox.delivery SET body = NULL",
    "UPDATE outbox.attempt SET error = NULL",
    "UPDATE outbox.replay SET asked_by = 'nobody'",
    "UPDATE outbox.connector_version SET spec = '{{}}'",
    "UPDATE outbox.erasure SET reason = 'none'",
)
BEYOND = 900_000_000
"""An event id of no range: its rows fall into the default partitions."""


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A superuser's session in a database where each fact has a row in its first range and one in its default."""
    with connect(database) as connection:
        connector = insert_connector(connection)
        for event_id in (7, BEYOND):
            insert_event(connection, "k1", id=event_id)
            insert_decision(connection, event_id, "deliver", connector_id=connector)
            insert_delivery(connection, event_id, connector)
            insert_attempt(connection, event_id, connector)
            connection.execute(
                "INSERT INTO outbox.replay (event_id, connector_id, verdict, asked_by) VALUES (%s, %s, 'again', 'me')",
                (event_id, connector),
            )
        connection.execute(
            "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by)"
            " VALUES (%s, 1, 'create', '{}', 'me')",
            (connector,),
        )
        connection.execute("SELECT outbox.erase('other', 'me', 'a test')")
        yield connection


def refused(db: Connection, statement: str, *tables: str) -> list[str]:
    """The tables on which the statement was not refused; one that names its table needs none."""
    done = []
    for table in tables or ("",):
        try:
            with db.transaction(force_rollback=True):
                db.execute(sql.SQL(statement).format(sql.Identifier("outbox", table)))
        except psycopg.errors.RestrictViolation as error:
            assert "history is append only" in str(error)  # noqa: PT017 (each of many statements)
        else:
            done.append(table)
    return done


def test_no_fact_can_be_changed_deleted_or_truncated(db: Connection) -> None:
    """By its table, or by the partition behind it."""
    tables = [*FACTS, *(f"{fact}_{part}" for fact in PARTITIONED for part in ("0", "default"))]

    assert refused(db, "DELETE FROM {}", *tables) == []
    assert refused(db, "TRUNCATE {} CASCADE", *tables) == []
    for change in CHANGES:
        fact = change.split()[1].removeprefix("outbox.")
        for part in ("", "_0", "_default") if fact in PARTITIONED else ("",):
            assert refused(db, change.replace(fact, fact + part, 1)) == []


def test_the_mark_holds_for_its_transaction_alone(db: Connection) -> None:
    """A function of ours sets it and does its work; the next transaction of the session is refused again."""
    rewrite(db, "DELETE FROM outbox.attempt WHERE event_id = 7")

    assert refused(db, "DELETE FROM {}", "attempt") == []
    with db.transaction():
        db.execute(ALLOW_REWRITE)
        db.execute("SELECT outbox.erase('k1', 'me', 'a test')")
        with pytest.raises(psycopg.errors.RestrictViolation), db.transaction():
            db.execute("DELETE FROM outbox.attempt")


def test_a_partition_made_later_is_guarded_and_can_be_dropped(db: Connection) -> None:
    """It is guarded like the first ones; detaching, attaching anew and dropping are no change of history."""
    db.execute("SELECT outbox.make_partition(20000000, 25000000)")
    parts = [f"{fact}_20000000" for fact in PARTITIONED]
    insert_event(db, "k1", id=20_000_001)

    assert refused(db, "TRUNCATE {}", *parts) == []
    assert refused(db, "DELETE FROM {}", "event_20000000") == []
    db.execute("ALTER TABLE outbox.event DETACH PARTITION outbox.event_20000000")
    db.execute("ALTER TABLE outbox.event ATTACH PARTITION outbox.event_20000000 FOR VALUES FROM (2e7) TO (25e6)")
    assert refused(db, "DELETE FROM {}", "event_20000000") == []
    for part in parts:
        db.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier("outbox", part)))
    assert db.execute("SELECT count(*) FROM outbox.event").fetchone() == (2,)
