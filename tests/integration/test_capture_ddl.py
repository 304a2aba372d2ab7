"""The application's own DDL: in one transaction after an UPDATE, and in a session that goes on writing."""

import psycopg
import pytest

from tests.conftest import Database
from tests.sources import Captured, Source

pytestmark = pytest.mark.parametrize("server", [16, 18], indirect=True)

SETUP = """
INSERT INTO contract (id, title) VALUES (1, 'a');
INSERT INTO recipient (id, contract_id, email) VALUES (1, 1, 'e');
CREATE VIEW titles AS SELECT title FROM contract;
CREATE TABLE archive (LIKE contract);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE ROLE staff_{number};
"""

KINDS = [
    "ALTER TABLE contract ALTER COLUMN amount TYPE text USING amount::text",
    "ALTER TABLE contract ALTER COLUMN id TYPE numeric",
    "ALTER TABLE contract ALTER COLUMN unit_id TYPE bigint",
    "ALTER TABLE contract ADD COLUMN extra_note text",
    "ALTER TABLE contract ADD COLUMN total int NOT NULL DEFAULT 7",
    "ALTER TABLE contract ADD COLUMN doubled numeric GENERATED ALWAYS AS (amount * 2) STORED",
    "ALTER TABLE contract DROP COLUMN note",
    "ALTER TABLE contract DROP COLUMN amount",
    "ALTER TABLE contract DROP COLUMN title CASCADE",
    "ALTER TABLE contract RENAME COLUMN title TO name",
    "ALTER TABLE contract RENAME TO agreement",
    "ALTER TABLE contract SET SCHEMA app",
    "ALTER TABLE contract ADD CONSTRAINT positive CHECK (amount >= 0)",
    "ALTER TABLE contract ADD CONSTRAINT positive CHECK (amount >= 0) NOT VALID",
    "ALTER TABLE contract ADD UNIQUE (title)",
    "ALTER TABLE recipient DROP CONSTRAINT recipient_contract_id_fkey",
    "ALTER TABLE recipient ADD FOREIGN KEY (contract_id) REFERENCES contract (id)",
    "ALTER TABLE contract ALTER COLUMN title SET NOT NULL",
    "ALTER TABLE contract ALTER COLUMN title SET DEFAULT 'x'",
    "ALTER TABLE contract ALTER COLUMN status TYPE text USING status::text",
    "ALTER TABLE contract SET (fillfactor = 70)",
    "ALTER TABLE contract ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE contract OWNER TO staff_{number}",
    "ALTER TABLE contract REPLICA IDENTITY FULL",
    "ALTER TABLE contract SET UNLOGGED",
    "CREATE INDEX ON contract (title)",
    "CREATE UNIQUE INDEX ON contract (id) INCLUDE (title)",
    "CREATE TRIGGER touch BEFORE UPDATE ON contract FOR EACH ROW EXECUTE FUNCTION touch()",
    "ALTER TABLE contract DISABLE TRIGGER USER",
    "TRUNCATE contract CASCADE",
    "DROP TABLE contract CASCADE",
    "DROP TABLE email",
    "ALTER TYPE contract_status ADD VALUE 'archived'",
    "ALTER TYPE contract_status RENAME VALUE 'draft' TO 'open'",
    "CREATE OR REPLACE VIEW titles AS SELECT title, 1 AS one FROM contract",
    "CLUSTER contract USING contract_pkey",
    "LOCK TABLE contract IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE contract INHERIT archive",
    "COMMENT ON COLUMN contract.title IS 'words'",
    "GRANT SELECT ON contract TO staff_{number}",
]


def _outcome(database: Database, kind: str) -> str | None:
    """The SQLSTATE that an UPDATE, this DDL and the commit's checks end in, or None; nothing stays."""
    number = database.name.rsplit("_", maxsplit=1)[-1]
    with database.connect() as connection:
        try:
            connection.execute("UPDATE contract SET title = 'b', amount = 2")
            connection.execute(kind.format(number=number).encode())
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            connection.rollback()
    return None


@pytest.fixture
def pair(make_database, template: str):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 (two databases)
    """The application twice: without us, and captured."""
    alone, captured = make_database(template), Source(make_database(template))
    captured.install()
    bare = Source(alone)
    for source in (bare, captured):
        number = source.database.name.rsplit("_", maxsplit=1)[-1]
        source.run(SETUP.format(number=number), "CREATE SCHEMA app")
    yield bare, captured
    for source in (bare, captured):
        number = source.database.name.rsplit("_", maxsplit=1)[-1]
        source.run(f"DROP OWNED BY staff_{number}; DROP ROLE staff_{number}")


def test_no_ddl_of_the_application_is_refused(pair: tuple[Source, Source]) -> None:
    """Forty kinds of DDL after an UPDATE in one transaction end as they do without us."""
    bare, captured = pair
    without = {kind: _outcome(bare.database, kind) for kind in KINDS}
    with_us = {kind: _outcome(captured.database, kind) for kind in KINDS}
    assert with_us == without
    assert sum(outcome is None for outcome in without.values()) >= 36, without


@pytest.fixture
def source(database: Database) -> Source:
    """The application, captured, with one contract."""
    made = Source(database)
    made.install()
    made.run("INSERT INTO contract (id, title, amount) VALUES (1, 'a', 1)")
    made.clear()
    return made


def test_a_session_goes_on_after_a_column_changed_its_type(source: Source) -> None:
    """The session that ran the capture trigger before ALTER COLUMN TYPE is captured after it, values and all."""
    with source.database.connect(autocommit=True) as connection:
        connection.execute("UPDATE contract SET amount = 2")
        connection.execute("ALTER TABLE contract ALTER amount TYPE text USING amount::text")
        connection.execute("UPDATE contract SET amount = 'two'")
        connection.execute("UPDATE contract SET amount = 'three', title = 'b'")
        connection.execute("ALTER TABLE contract ALTER id TYPE int")
        connection.execute("UPDATE contract SET title = 'c'")
        connection.execute("INSERT INTO contract (id) VALUES (2)")
    assert source.events() == [
        Captured("update", "1", {"amount": [1, 2]}),
        Captured("update", "1", {"amount": ["2", "two"]}),
        Captured("update", "1", {"amount": ["two", "three"], "title": ["a", "b"]}),
        Captured("update", "1", {"title": ["b", "c"]}),
        Captured("create", "2"),
    ]
    assert source.errors() == []


def test_new_plans_are_made_after_a_type_changed(source: Source) -> None:
    """After the slow way has healed a session, its next row takes the fast way again."""
    with source.database.connect(autocommit=True) as connection:
        connection.execute("UPDATE contract SET amount = 2")
        connection.execute("ALTER TABLE contract ALTER amount TYPE text USING amount::text")
        connection.execute("UPDATE contract SET amount = 'two'")
        connection.execute("ALTER FUNCTION outbox.evaluate_again RENAME TO evaluate_no_more")
        connection.execute("UPDATE contract SET amount = 'three'")
    assert [one.changed for one in source.events()][-1] == {"amount": ["two", "three"]}


def test_a_new_column_raises_updates_at_once(source: Source) -> None:
    """A column added after install is named when it alone changes; an ignored column stays ignored."""
    with source.database.connect(autocommit=True) as connection:
        connection.execute("UPDATE contract SET title = 'b'")
        connection.execute("ALTER TABLE contract ADD urgent boolean")
        connection.execute("UPDATE contract SET urgent = true")
        connection.execute("UPDATE contract SET seen_at = now()")
    source.run("UPDATE contract SET urgent = false, seen_at = now()")
    assert [one.changed for one in source.events()] == [{"title": ["a", "b"]}, {"urgent": None}, {"urgent": None}]
    assert source.errors() == []


@pytest.mark.parametrize("ddl", ["ALTER TABLE contract DROP note", "ALTER TABLE contract RENAME note TO remark"])
def test_a_known_column_may_go(source: Source, ddl: str) -> None:
    """A dropped or renamed column that no rule and no query names costs no event, in old sessions and new ones."""
    with source.database.connect(autocommit=True) as connection:
        connection.execute("UPDATE contract SET title = 'b'")
        connection.execute(ddl.encode())
        connection.execute("UPDATE contract SET title = 'c'")
    source.run("UPDATE contract SET title = 'd'")
    source.run("UPDATE contract SET seen_at = now()")
    assert [one.changed for one in source.events()] == [{"title": [was, now]} for was, now in ("ab", "bc", "cd")]
    assert source.errors() == []


def test_a_renamed_table_is_still_captured(source: Source) -> None:
    """Renaming a table that only rules name (child rows) loses nothing."""
    source.run("ALTER TABLE email RENAME TO letter")
    source.run("INSERT INTO letter VALUES (1, 'invitation', 'x')")
    assert source.events() == [Captured("send", "1", None, {"to": "x"})]


def test_a_broken_rule_breaks_no_commit_and_loses_nothing(source: Source) -> None:
    """A migration that breaks rule and query: commits pass, changes are recorded, the mended mapping makes events."""
    source.run(
        "UPDATE contract SET title = 'b'",
        "ALTER TABLE email RENAME contract_id TO agreement_id",
        "ALTER TABLE contract RENAME title TO name",
    )
    source.run("INSERT INTO email VALUES (1, 'invitation', 'x@y')", "UPDATE contract SET name = 'c'")
    broken = source.errors()
    assert {(rule, operation) for rule, operation, *_ in broken} == {("send on email", "INSERT"), ("contract", None)}
    assert source.rows("SELECT count(*) FROM outbox.inbox") == source.rows("SELECT count(*) FROM outbox.event")
