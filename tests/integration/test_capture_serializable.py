"""SERIALIZABLE applications: capture sets no two transactions against each other, and keeps no failure to itself."""

# ruff: noqa: S608 (an application writes its own SQL here)

import re
import threading
from contextlib import closing

import psycopg
import pytest

from outbox.resources import folder
from tests.conftest import Database
from tests.sources import Source

CLIENTS, TRANSACTIONS = 4, 60
CONTRACTS = 20_000


@pytest.fixture
def source(database: Database) -> Source:
    """A range of contracts for each client, every fourth of them a template."""
    made = Source(database)
    made.run(
        f"INSERT INTO contract (id, is_template) SELECT n, n % 4 = 0 FROM generate_series(1, {CONTRACTS}) AS n",
        "ANALYZE",
    )
    made.install()
    return made


def test_independent_transactions_do_not_abort_each_other(source: Source) -> None:
    """Clients on contracts of their own, several in a transaction, nearly never fail; each commit is captured."""
    committed: list[int] = []
    failures: list[Exception] = []

    def write(client: int) -> None:
        with closing(source.database.connect()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
            for number in range(TRANSACTIONS):
                keys = [client * CONTRACTS // CLIENTS + 3 * number + step for step in range(1, 4)]
                try:
                    for key in keys:
                        connection.execute("UPDATE contract SET title = 'b' WHERE id = %s", (key,))
                    connection.commit()
                    committed.extend(keys)
                except psycopg.errors.SerializationFailure as failure:
                    connection.rollback()
                    failures.append(failure)

    threads = [threading.Thread(target=write, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) <= CLIENTS * TRANSACTIONS / 50
    assert source.errors() == []
    expected = sorted(str(key) for key in committed if key % 4)
    assert sorted(one.contract for one in source.events()) == expected
    assert source.rows("SELECT count(*) FROM outbox.inbox") == [(len(expected),)]


def test_a_serialization_failure_goes_through_to_the_application() -> None:
    """Whatever catches errors in the engine lets this one pass: only the application can try again."""
    engine = (folder("sql") / "migrations" / "0006_capture.sql").read_text(encoding="utf-8")
    written = [engine, *(path.read_text(encoding="utf-8") for path in (folder("sql") / "capture").glob("*.sql"))]
    handlers = re.findall(r"\bEXCEPTION\s+WHEN (\w+) THEN (\w+)", "\n".join(written))
    assert len(handlers) >= 10
    assert set(handlers) == {("serialization_failure", "RAISE")}


@pytest.mark.parametrize("damaged", ["outbox.inbox", "outbox.event", "outbox.capture_error"])
def test_no_serialization_failure_is_recorded(source: Source, damaged: str) -> None:
    """Where writing a note, an event or a failure fails to serialize, the transaction fails, and nothing is kept."""
    source.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE serialization_failure USING MESSAGE = 'try again'; END $$",
        f"CREATE TRIGGER refuse BEFORE INSERT ON {damaged} FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    if damaged == "outbox.capture_error":
        source.run("ALTER TABLE contract RENAME title TO name", "ALTER TABLE contract ADD title text")
        source.run("ALTER TABLE contract DROP COLUMN note CASCADE")
        source.run("DROP FUNCTION outbox.find_contracts")
    for rows in ("id = 1", "id IN (1, 2)"):
        with pytest.raises(psycopg.errors.SerializationFailure, match="try again"):
            source.run(f"UPDATE contract SET title = 'b' WHERE {rows}")
    assert source.rows("SELECT count(*) FROM outbox.capture_error") == [(0,)]
