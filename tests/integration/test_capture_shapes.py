"""Schemas of every shape: names, keys, partitions, row security, prepared transactions, missing keys."""

# ruff: noqa: S608 (an application writes its own SQL here)

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.conftest import Database
from tests.postgres import Server
from tests.sources import MAPPING, Captured, Source

BARE: dict[str, Any] = {
    "business_unit": {"query": "SELECT 'u' AS business_unit, 'Unit' AS name"},
    "company": None,
}


def life(table: str, key: str, query: str) -> dict[str, Any]:
    """A mapping of one table: create, update, delete as review."""
    return {
        **BARE,
        "contract": {"query": query},
        "capture": [
            {"trigger": "create", "table": table, "on": "insert", "contract": f"new.{key}"},
            {"trigger": "update", "table": table, "on": "update", "contract": f"new.{key}"},
            {"trigger": "review", "table": table, "on": "delete", "contract": f"old.{key}"},
        ],
    }


def test_quoted_mixed_case_names(database: Database) -> None:
    """Names that need quotes, with dots, spaces, quotes, dollars and any length, are captured like others."""
    table, key = '"Sales Dept."."Con""tract$outbox$ that has a very long name in its schema"', '"Id"'
    source = Source(
        database,
        f'CREATE SCHEMA "Sales Dept."; CREATE TABLE {table} ({key} int PRIMARY KEY, "Ti%tle\\" text, "select" int)',
    )
    query = f"""SELECT {key} AS contract_id, 'u' AS business_unit, 'x' AS status, "Ti%tle\\", "select" FROM {table}"""
    source.install(life(table, key, query))
    source.run(f"INSERT INTO {table} VALUES (1, 'a', 2)", f'UPDATE {table} SET "Ti%tle\\" = \'b\', "select" = 3')
    source.run(f"DELETE FROM {table}")
    assert source.events() == [
        Captured("create", "1"),
        Captured("update", "1", {"Ti%tle\\": ["a", "b"], "select": [2, 3]}),
        Captured("review", "1"),
    ]
    assert source.errors() == []


@pytest.mark.parametrize(
    ("type_name", "value", "other"),
    [
        ("text", "'Ä b''c'", "'d'"),
        ("varchar(20)", "'x'", "'y'"),
        ("char(4)", "'x'", "'y'"),
        ("uuid", "'0F0E0D0C-0000-4000-8000-00000000000A'", "gen_random_uuid()"),
        ("smallint", "1", "2"),
        ("bigint", "9223372036854775807", "2"),
        ("numeric(12)", "123456789012", "2"),
        ("date", "'2026-01-31'", "'2026-02-01'"),
    ],
)
def test_keys_of_every_type(database: Database, type_name: str, value: str, other: str) -> None:
    """A contract's key may have any type; the lookup is by its index, and children may hold it as text."""
    source = Source(
        database,
        f"CREATE TABLE contract (id {type_name} PRIMARY KEY, title text); CREATE TABLE mail (contract text, n int)",
    )
    mapping = life(
        "contract", "id", "SELECT id AS contract_id, 'u' AS business_unit, 'x' AS status, title FROM contract"
    )
    mapping["capture"].append(
        {"trigger": "send", "table": "mail", "on": "insert", "contract": f"CAST(new.contract AS {type_name})"}
    )
    planned = source.install(mapping)
    source.run(f"INSERT INTO contract VALUES ({value}, 'a'), ({other}, 'b')")
    source.run(f"UPDATE contract SET title = 'c' WHERE id = {value}", f"INSERT INTO mail VALUES ({value}, 1)")
    events = source.events()
    assert [one.trigger for one in events] == ["create", "create", "update", "send"]
    assert events[0].contract == events[2].contract == events[3].contract
    assert source.rows("SELECT count(*) FROM outbox.event WHERE document IS NULL") == [(0,)]
    assert planned.inspected.costs[0].indexes == ("contract_pkey",)


PARTITIONED = """
CREATE TABLE contract (id bigint, region text, title text, junk int, meta json, PRIMARY KEY (id, region))
  PARTITION BY LIST (region);
CREATE TABLE contract_north (title text, region text NOT NULL, gone int, id bigint NOT NULL, junk int, meta json);
ALTER TABLE contract_north DROP COLUMN gone;
ALTER TABLE contract ATTACH PARTITION contract_north FOR VALUES IN ('n');
CREATE TABLE contract_south PARTITION OF contract FOR VALUES IN ('s');
"""


@pytest.fixture
def partitioned(database: Database) -> Source:
    """A partitioned contract table whose partitions differ in the order of their columns."""
    source = Source(database, PARTITIONED)
    source.install(
        life(
            "contract",
            "id",
            "SELECT id AS contract_id, region AS business_unit, 'x' AS status, title, meta FROM contract",
        )
    )
    return source


def test_partitions_are_captured_also_those_to_come(partitioned: Source) -> None:
    """Rows of every partition raise events, of one made after install as well."""
    partitioned.run("CREATE TABLE contract_east PARTITION OF contract FOR VALUES IN ('e')")
    partitioned.run("INSERT INTO contract VALUES (1, 'n', 'a'), (2, 's', 'b'), (3, 'e', 'c')")
    partitioned.run("UPDATE contract SET title = title || '!' WHERE id IN (1, 3)")
    partitioned.run("DELETE FROM contract_north")
    assert sorted(partitioned.events(), key=repr) == [
        Captured("create", "1"),
        Captured("create", "2"),
        Captured("create", "3"),
        Captured("review", "1"),
        Captured("update", "1", {"title": ["a", "a!"]}),
        Captured("update", "3", {"title": ["c", "c!"]}),
    ]


def test_a_move_between_partitions_is_an_update(partitioned: Source) -> None:
    """A row that moves is neither created nor deleted: it is updated, with what changed; several at once, too."""
    partitioned.run("INSERT INTO contract VALUES (1, 'n', 'a'), (2, 'n', 'b')")
    partitioned.clear()
    partitioned.run("UPDATE contract SET region = 's', title = title || '!'")
    assert partitioned.events() == [
        Captured("update", "1", {"region": ["n", "s"], "title": ["a", "a!"]}),
        Captured("update", "2", {"region": ["n", "s"], "title": ["b", "b!"]}),
    ]
    partitioned.clear()
    partitioned.run("DELETE FROM contract WHERE id = 1", "INSERT INTO contract VALUES (1, 'n', 'new')")
    assert [one.trigger for one in partitioned.events()] == ["review", "create"]
    assert partitioned.errors() == []


def test_a_partition_table_changes_under_a_session(partitioned: Source) -> None:
    """The slow way works in partitions as well, whatever the order of their columns."""
    with closing(partitioned.database.connect(autocommit=True)) as connection:
        connection.execute("INSERT INTO contract VALUES (1, 'n', 'a', 1)")
        connection.execute("UPDATE contract SET junk = 2")
        connection.execute("ALTER TABLE contract ALTER junk TYPE text USING junk::text")
        connection.execute("UPDATE contract SET junk = 'x'")
        connection.execute("ALTER TABLE contract ADD added int")
        connection.execute("UPDATE contract SET added = 1")
        connection.execute("ALTER TABLE contract DROP junk")
        connection.execute("UPDATE contract SET title = 'z', region = 's'")
    assert [one.changed for one in partitioned.events()] == [
        None,
        {"junk": None},
        {"junk": None},
        {"added": None},
        {"title": ["a", "z"], "region": ["n", "s"]},
    ]
    assert partitioned.errors() == []


def test_tables_without_a_key(database: Database) -> None:
    """A child table without any key is captured, duplicates and all."""
    source = Source(database)
    source.install()
    source.run("INSERT INTO contract (id) VALUES (1)")
    source.run("INSERT INTO email SELECT 1, 'invitation', 'same' FROM generate_series(1, 3)")
    assert [one.trigger for one in source.events()] == ["create", "send", "send", "send"]


@pytest.fixture
def staff(database: Database) -> Iterator[str]:
    """A role without any right on our schema; dropped after the test."""
    role = f"staff_{database.name}"
    with closing(database.connect(autocommit=True)) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    yield role
    with closing(database.connect(autocommit=True)) as connection:
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_the_application_needs_no_right_and_sees_no_more(database: Database, staff: str) -> None:
    """An ordinary role writes under row security: all is captured whole, and nothing of ours is open to it."""
    source = Source(database)
    source.install()
    source.run(
        f"GRANT SELECT, INSERT, UPDATE ON contract, recipient TO {staff}",
        "ALTER TABLE contract ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON contract TO {staff} USING (unit_id = 1) WITH CHECK (true)",
        "ALTER TABLE recipient ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY none ON recipient FOR INSERT TO {staff} WITH CHECK (true)",
    )
    source.run(
        f"SET ROLE {staff}",
        "INSERT INTO contract (id, unit_id) VALUES (1, 2)",
        "INSERT INTO recipient (id, contract_id) VALUES (1, 1)",
    )
    assert len(source.document()["recipients"]) == 1
    for statement in (
        "SELECT * FROM outbox.event",
        "SELECT * FROM outbox.read_contract('1')",
        "SELECT outbox.note('', '', '', '{}', NULL, NULL)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            source.run(f"SET ROLE {staff}", statement)


def test_a_temporary_table_shadows_nothing(database: Database) -> None:
    """A session's temporary table of the same name does not get between capture and the application's table."""
    source = Source(database)
    source.install()
    source.run("CREATE TEMP TABLE recipient (id int, contract_id int)", "INSERT INTO public.contract (id) VALUES (1)")
    assert (source.errors(), len(source.events())) == ([], 1)


def test_replicated_changes_are_captured_where_wanted(database: Database) -> None:
    """`enable = "always"` captures what replication applies; "origin" does not."""
    source = Source(database)
    source.install()
    applied = ("SET session_replication_role = replica", "INSERT INTO contract (id) VALUES ({})")
    source.run(*(part.format(1) for part in applied))
    assert source.events() == []
    source.install(enable="always")
    source.run(*(part.format(2) for part in applied))
    assert source.events() == [Captured("create", "2")]


def test_prepared_transactions() -> None:
    """Two-phase commit: polls by default, since NOTIFY can't be prepared; captured when it commits."""
    with Server(options="-c max_prepared_transactions=5") as server:
        from outbox.migrations import migrate

        database = Database(server, "test")
        migrate(database.engine)
        source = Source(database)
        assert source.install().plan.installation.wakeup == "poll"
        with closing(database.connect(autocommit=True)) as connection:
            for number, end in ((1, "COMMIT"), (2, "ROLLBACK")):
                connection.execute("BEGIN")
                connection.execute(f"INSERT INTO contract (id) VALUES ({number})".encode())
                connection.execute(f"PREPARE TRANSACTION 'p{number}'".encode())
                assert source.events() == ([] if number == 1 else [Captured("create", "1")])
                connection.execute(f"{end} PREPARED 'p{number}'".encode())
            connection.execute("INSERT INTO contract (id) VALUES (3)")
            connection.execute("BEGIN")
            connection.execute("INSERT INTO contract (id) SELECT generate_series(4, 9)")
            connection.execute("UPDATE contract SET title = 'several' WHERE id < 6")
            connection.execute("PREPARE TRANSACTION 'many'")
            connection.execute("COMMIT PREPARED 'many'")
        created = [Captured("create", str(number)) for number in (1, 3, 4, 5, 6, 7, 8, 9)]
        changed = [Captured("update", str(number), {"title": [None, "several"]}) for number in (1, 3, 4, 5)]
        assert source.events() == created + changed
        database.dispose()


def test_a_wake_up_is_sent_by_one_at_a_time(database: Database) -> None:
    """A commit notifies; while one that notified is still committing, others do not queue behind it."""
    source = Source(database)
    source.install()
    with closing(database.connect(autocommit=True)) as listener, closing(database.connect()) as gate:
        listener.execute("LISTEN outbox")
        source.run("INSERT INTO contract (id) VALUES (1)", "INSERT INTO contract (id) VALUES (2)")
        assert len(list(listener.notifies(timeout=2, stop_after=1))) == 1
        gate.execute("SELECT pg_advisory_xact_lock(7231003, 1)")
        source.run("INSERT INTO contract (id) VALUES (3)")
        assert list(listener.notifies(timeout=0.2)) == []
        gate.rollback()
    source.install(wakeup="poll")
    with closing(database.connect(autocommit=True)) as listener:
        listener.execute("LISTEN outbox")
        source.run("INSERT INTO contract (id) VALUES (4)")
        assert list(listener.notifies(timeout=0.2)) == []


def test_expired_is_raised_once_for_a_deadline(database: Database) -> None:
    """A rule may raise `expired` where the application writes it down: once for each deadline, whoever is first."""
    source = Source(database)
    rule = {
        "trigger": "expired",
        "table": "contract",
        "on": "update",
        "contract": "new.id",
        "when": "new.note = 'expired'",
    }
    source.install(capture=[rule])
    source.run("INSERT INTO contract (id, expires_at) VALUES (1, '2026-01-01+00'), (2, '2026-01-01+00')")
    source.run("INSERT INTO outbox.expiry (contract_id, deadline) VALUES ('2', '2026-01-01+00')")
    for title in "abc":
        source.run(f"UPDATE contract SET note = 'expired', title = '{title}'")
    source.run("UPDATE contract SET expires_at = '2027-01-01+00', title = 'd' WHERE id = 1")
    assert source.events() == [Captured("expired", "1"), Captured("expired", "1")]
    assert source.rows(
        "SELECT contract_id, event_id FROM outbox.expiry WHERE event_id IS NOT NULL ORDER BY deadline"
    ) == [("1", event) for (event,) in source.rows("SELECT id FROM outbox.event ORDER BY id")]


def test_concurrent_changes_of_one_contract_don_t_see_each_other(database: Database) -> None:
    """Each event keeps the snapshot of its document, by which routing tells that neither has both changes."""
    source = Source(database)
    source.install(MAPPING)
    source.run("INSERT INTO contract (id) VALUES (1)", "INSERT INTO recipient (id, contract_id) VALUES (1, 1), (2, 1)")
    source.clear()
    with closing(database.connect()) as one, closing(database.connect()) as other:
        one.execute("UPDATE recipient SET email = 'a' WHERE id = 1")
        other.execute("UPDATE recipient SET email = 'b' WHERE id = 2")
        for connection in (one, other):
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        one.commit()
        other.commit()
    assert source.rows(
        "SELECT bool_or(pg_visible_in_snapshot(a.xid, b.snapshot))"
        " FROM outbox.event a JOIN outbox.event b ON a.id <> b.id"
    ) == [(False,)]
