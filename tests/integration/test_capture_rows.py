"""Which rows raise what: every way of writing a row, against one mapping."""

import psycopg
import pytest

from outbox.install import recapture
from tests.conftest import Database
from tests.sources import MAPPING, Captured, Source, all_text


@pytest.fixture
def source(database: Database) -> Source:
    """The application, captured."""
    made = Source(database)
    made.install()
    return made


def test_a_life_raises_what_the_rules_say_and_nothing_else(source: Source) -> None:
    """Create, update, ignored column, child rows, send, other mail: one event each, or none."""
    source.run("INSERT INTO contract (id, title) VALUES (1, 'a')")
    source.run("UPDATE contract SET title = 'b', note = 'n'")
    source.run("UPDATE contract SET seen_at = now()")
    source.run("UPDATE contract SET title = title")
    source.run("INSERT INTO recipient (contract_id, email) VALUES (1, 'x@y')")
    source.run("INSERT INTO email VALUES (1, 'invitation', 'x@y')", "INSERT INTO email VALUES (1, 'reminder', 'x@y')")
    assert source.events() == [
        Captured("create", "1"),
        Captured("update", "1", {"title": ["a", "b"], "note": None}),
        Captured("update", "1"),
        Captured("send", "1", None, {"to": "x@y"}),
    ]
    assert source.errors() == []


def test_rolled_back_work_leaves_nothing(source: Source) -> None:
    """A rollback, and one to a savepoint, take their notes with them; what stands is captured."""
    with source.database.connect() as connection:
        connection.execute("INSERT INTO contract (id) VALUES (1)")
        connection.execute("SAVEPOINT a")
        connection.execute("INSERT INTO contract (id) VALUES (2)")
        connection.execute("ROLLBACK TO a")
        connection.execute("INSERT INTO contract (id) VALUES (3)")
        connection.execute("RELEASE a")
    with source.database.connect() as connection:
        connection.execute("INSERT INTO contract (id) VALUES (4)")
        connection.rollback()
    assert source.events() == [Captured("create", "1"), Captured("create", "3")]


def test_first_write_rolled_back_to_a_savepoint(source: Source) -> None:
    """The mark of a first write goes with its savepoint, so that the next write is careful again."""
    with source.database.connect() as connection:
        connection.execute("SAVEPOINT a")
        connection.execute("INSERT INTO contract (id) VALUES (1)")
        marked = connection.execute("SELECT current_setting('outbox.noted', true)").fetchone()
        connection.execute("ROLLBACK TO a")
        unmarked = connection.execute("SELECT coalesce(current_setting('outbox.noted', true), '')").fetchone()
    assert marked is not None
    assert marked[0]
    assert unmarked == ("",)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO contract (id, title) VALUES (1, 'n') ON CONFLICT (id) DO NOTHING", []),
        (
            "INSERT INTO contract (id, title) VALUES (1, 'n') ON CONFLICT (id) DO UPDATE SET title = excluded.title",
            [Captured("update", "1", {"title": ["t", "n"]})],
        ),
        ("INSERT INTO contract (id, title) VALUES (9, 'n') ON CONFLICT (id) DO NOTHING", [Captured("create", "9")]),
        (
            (
                "MERGE INTO contract c USING (VALUES (1, 'm'), (8, 'i')) AS s (id, title) ON c.id = s.id"
                " WHEN MATCHED THEN UPDATE SET title = s.title"
                " WHEN NOT MATCHED THEN INSERT (id, title) VALUES (s.id, s.title)"
            ),
            [Captured("update", "1", {"title": ["t", "m"]}), Captured("create", "8")],
        ),
        ("DELETE FROM recipient WHERE id = 1", [Captured("update", "1")]),
        ("DELETE FROM contract WHERE id = 1", [Captured("update", "1")]),
        ("UPDATE recipient SET email = 'z' WHERE id = 1", [Captured("update", "1")]),
        ("UPDATE contract SET id = 7 WHERE id = 1", [Captured("update", "7", {"id": [1, 7]}), Captured("update", "7")]),
        (
            (
                "WITH x AS (UPDATE contract SET title = 'w' RETURNING id)"
                " INSERT INTO email SELECT id, 'invitation', 'a' FROM x"
            ),
            [Captured("send", "1", None, {"to": "a"}), Captured("update", "1", {"title": ["t", "w"]})],
        ),
    ],
)
def test_every_kind_of_statement(source: Source, statement: str, expected: list[Captured]) -> None:
    """Upsert, MERGE, cascades and CTEs raise what the rows they wrote raise."""
    source.run(
        "INSERT INTO contract (id, title) VALUES (1, 't')", "INSERT INTO recipient VALUES (1, 1, 'e', 'planted')"
    )
    source.clear()
    source.run(statement)
    assert sorted(source.events(), key=repr) == sorted(expected, key=repr)


def test_copy_is_captured(source: Source) -> None:
    """COPY raises one event a row."""
    with (
        source.database.connect() as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY contract (id, title) FROM STDIN") as copy,
    ):
        for number in range(1, 101):
            copy.write_row((number, f"t{number}"))
    assert source.events() == [Captured("create", str(number)) for number in range(1, 101)]


def test_the_document_sees_the_whole_transaction(source: Source) -> None:
    """A contract is inserted before its recipients; its create reports them."""
    source.run(
        "INSERT INTO contract (id) VALUES (1)", "INSERT INTO recipient (id, contract_id, email) VALUES (5, 1, 'e')"
    )
    documents = source.rows("SELECT document -> 'recipients' FROM outbox.event WHERE trigger = 'create'")
    assert documents == [([{"id": 5, "email": "e", "contract_id": 1}],)]


def test_templates_raise_nothing_and_are_counted(source: Source) -> None:
    """What the contract query leaves out raises nothing, and the count says so; what is gone is an event."""
    source.run("INSERT INTO contract (id, is_template) VALUES (1, true)")
    assert source.events() == []
    assert source.rows("SELECT last_value FROM outbox.filtered") == [(0,)]
    assert source.rows("SELECT count(*) FROM outbox.inbox") == [(0,)]
    source.run("INSERT INTO contract (id) VALUES (2)", "DELETE FROM contract WHERE id = 2")
    assert source.rows("SELECT trigger, business_unit, document FROM outbox.event") == [("create", None, None)]


def test_a_row_without_a_contract_concerns_none(source: Source) -> None:
    """A mail without a contract is no failure: it raises nothing and is counted."""
    source.run("INSERT INTO email VALUES (NULL, 'invitation', 'a')")
    assert (source.events(), source.errors()) == ([], [])
    assert source.rows("SELECT is_called FROM outbox.filtered") == [(True,)]


def test_values_arrive_digit_for_digit(source: Source) -> None:
    """Numeric digits, NaN, infinities, arrays and json are kept as they are."""
    source.run(
        "INSERT INTO contract (id, amount, tags, meta, expires_at)"
        " VALUES (9007199254740993, 12345678901234567890.0100000000,"
        """ '{a,"b c",NULL}', '{"z": 1.10, "a": 2}', 'infinity')"""
    )
    document = source.document()
    assert document["contract_id"] == "9007199254740993"
    assert document["amount"] == "12345678901234567890.0100000000"
    assert document["tags"] == ["a", "b c", None]
    assert document["meta"] == {"a": "2", "z": "1.10"}
    assert document["expires_at"] == "infinity"
    source.run("UPDATE contract SET amount = 'NaN', tags = '{}'")
    source.run("UPDATE contract SET amount = 1.0, expires_at = '-infinity'")
    source.run("UPDATE contract SET amount = 1.00, meta = '{\"a\":2}'")
    changes = [text for (text,) in source.rows("SELECT changed::text FROM outbox.event ORDER BY id OFFSET 1")]
    assert changes[0] == '{"tags": [["a", "b c", null], []], "amount": [12345678901234567890.0100000000, "NaN"]}'
    assert changes[1] == '{"amount": ["NaN", 1.0], "expires_at": ["infinity", "-infinity"]}'
    assert changes[2] == '{"meta": [{"a": 2, "z": 1.10}, {"a": 2}], "amount": [1.0, 1.00]}'


def test_the_session_of_the_application_changes_no_byte(source: Source) -> None:
    """Time zone, date style and the like of the writing session don't show in what is captured."""
    source.run(
        "SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'",
        "SET extra_float_digits = 0; SET bytea_output = 'escape'",
        "SET search_path = pg_catalog",
        "INSERT INTO public.contract (id, expires_at) VALUES (1, '2026-01-02 03:04:05+00')",
    )
    assert source.document()["expires_at"] == "2026-01-02T03:04:05+00:00"
    assert source.errors() == []


def test_what_is_never_kept_is_nowhere(source: Source) -> None:
    """A planted value under `never` is in no row of schema outbox: not in documents, changes, details or failures."""
    source.run("INSERT INTO contract (id, password) VALUES (1, 'planted-1')")
    source.run("INSERT INTO recipient (contract_id, email, token) VALUES (1, 'e', 'planted-2')")
    source.run("UPDATE contract SET password = 'planted-3', title = 'x'")
    rules = [
        *MAPPING["capture"][:3],
        {**MAPPING["capture"][3], "detail": "jsonb_build_object('row', to_jsonb(new), 'n', CAST(new.address AS int))"},
        {
            "trigger": "review",
            "table": "recipient",
            "on": "update",
            "contract": "new.contract_id",
            "detail": "jsonb_build_object('all', jsonb_build_array(to_jsonb(new)), 'bad', 1 / length(new.email))",
        },
    ]
    source.install(capture=rules)
    source.run("UPDATE recipient SET token = 'planted-4', email = ''")
    source.run("UPDATE recipient SET token = 'planted-5', email = 'good'")
    source.run("INSERT INTO email VALUES (1, 'invitation', 'not a number')")
    with source.database.connect() as connection:
        text = all_text(connection)
        companies = connection.execute("SELECT CAST(c AS text) FROM outbox.read_company('{1}') AS c").fetchall()
    assert "planted" not in text
    assert "planted" not in str(companies)
    assert len(source.errors()) == 2
    assert "good" in text


def test_a_change_of_a_kept_secret_alone_is_an_update_without_value(source: Source) -> None:
    """A changed column under `never` raises the update, named without its value."""
    source.run("INSERT INTO contract (id) VALUES (1)")
    source.run("UPDATE contract SET password = 'planted'")
    assert source.events()[1:] == [Captured("update", "1", {"password": None})]


def test_a_send_on_the_contract_table_is_no_update_as_well(source: Source) -> None:
    """A column of a send rule is no update where it is a send; the same column changed otherwise is one."""
    source.run("ALTER TABLE contract ADD sent_at timestamptz, ADD sender text")
    send = {
        "trigger": "send",
        "table": "contract",
        "on": "update",
        "contract": "new.id",
        "when": "old.sent_at IS NULL AND new.sent_at IS NOT NULL",
        "detail": "jsonb_build_object('by', new.sender)",
    }
    source.install(capture=[*MAPPING["capture"], send])
    source.run("INSERT INTO contract (id) VALUES (1)")
    source.clear()
    source.run("UPDATE contract SET sent_at = '2026-01-01', sender = 'me'")
    source.run("UPDATE contract SET sent_at = NULL, title = 'x'")
    source.run("UPDATE contract SET sent_at = '2026-01-02', title = 'y'")
    assert source.events() == [
        Captured("send", "1", None, {"by": "me"}),
        Captured("update", "1", {"sent_at": None, "title": [None, "x"]}),
        Captured("update", "1", {"title": ["x", "y"]}),
        Captured("send", "1", None, {"by": "me"}),
    ]


def test_old_and_new_are_null_where_there_is_none(source: Source) -> None:
    """A rule for several operations may speak of both rows: on insert old is all NULL, on delete new is."""
    rule = {
        "trigger": "review",
        "table": "recipient",
        "on": ["insert", "update", "delete"],
        "contract": "SELECT DISTINCT x FROM unnest(ARRAY[old.contract_id, new.contract_id]) AS x",
        "when": "old.email IS DISTINCT FROM new.email",
        "detail": "jsonb_build_array(old.email, new.email)",
    }
    source.install(capture=[*MAPPING["capture"][:2], rule])
    source.run("INSERT INTO contract (id) VALUES (1), (2)")
    source.clear()
    source.run("INSERT INTO recipient (id, contract_id, email) VALUES (1, 1, 'a')")
    source.run("UPDATE recipient SET contract_id = 2")
    source.run("UPDATE recipient SET contract_id = 1, email = 'b'")
    source.run("DELETE FROM recipient")
    assert source.events() == [
        Captured("review", "1", None, [None, "a"]),
        Captured("review", "1", None, ["a", "b"]),
        Captured("review", "2", None, ["a", "b"]),
        Captured("review", "1", None, ["b", None]),
    ]


def test_a_trigger_of_the_application_is_noted_in_order(source: Source) -> None:
    """What an AFTER trigger changes in turn is noted after the change that made it fire."""
    source.run(
        "CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE contract SET title = 'third' WHERE id = new.id AND title = 'second'; RETURN NULL; END $$",
        "CREATE TRIGGER a_follow AFTER UPDATE ON contract FOR EACH ROW EXECUTE FUNCTION follow()",
        "INSERT INTO contract (id, title) VALUES (1, 'first')",
    )
    source.clear()
    source.run("UPDATE contract SET title = 'second'")
    assert [one.changed for one in source.events()] == [{"title": ["first", "second"]}, {"title": ["second", "third"]}]


def test_serializable_transactions_are_captured(source: Source) -> None:
    """Under SERIALIZABLE and REPEATABLE READ capture works, and the document shows the transaction's own writes."""
    for level in (psycopg.IsolationLevel.SERIALIZABLE, psycopg.IsolationLevel.REPEATABLE_READ):
        with source.database.connect() as connection:
            connection.set_isolation_level(level)
            connection.execute("INSERT INTO contract (title) VALUES ('t')")
    assert [one.trigger for one in source.events()] == ["create", "create"]
    assert source.document()["title"] == "t"


def test_constraints_set_immediate_capture_at_once(source: Source) -> None:
    """SET CONSTRAINTS ALL IMMEDIATE moves the reading forward; later changes still raise theirs."""
    source.run(
        "INSERT INTO contract (id) VALUES (1)", "SET CONSTRAINTS ALL IMMEDIATE", "UPDATE contract SET title = 'later'"
    )
    assert source.events() == [Captured("create", "1"), Captured("update", "1", {"title": [None, "later"]})]


def test_a_bulk_change_is_captured_like_single_ones(source: Source) -> None:
    """Many notes in one commit: found, filtered, gone and twice noted contracts, each as it would be alone."""
    source.run("INSERT INTO contract (id, is_template) SELECT n, n % 10 = 0 FROM generate_series(1, 100) AS n")
    assert len(source.events()) == 90
    source.clear()
    source.run(
        "UPDATE contract SET title = 'b'",
        "INSERT INTO recipient (contract_id) SELECT n FROM generate_series(1, 100) AS n",
        "DELETE FROM contract WHERE id > 95",
    )
    by_standing = source.rows(
        "SELECT trigger, document IS NULL, count(*) FROM outbox.event GROUP BY 1, 2 ORDER BY 1, 2"
    )
    # Of 95 contracts left 9 are templates; each of the others was noted twice, of the 5 gone the cascade notes a third.
    assert by_standing == [("update", False, 172), ("update", True, 15)]
    assert source.rows("SELECT count(*) FROM outbox.inbox") == [(187,)]
    assert source.errors() == []


def test_one_unreadable_contract_among_many_is_recorded_alone(source: Source) -> None:
    """A document that can't be read costs its own contract's event, and no other's."""
    source.run("INSERT INTO contract (id) SELECT generate_series(1, 50)")
    source.clear()
    source.run("UPDATE contract SET meta = CASE WHEN id = 20 THEN '{\"a\": \"\\u0000\"}'::json END, title = 'b'")
    assert [one.contract for one in source.events()] == [str(n) for n in range(1, 51) if n != 20]
    ((rule, operation, state, _),) = source.errors()
    assert (rule, operation, state) == ("update on contract", "UPDATE", "22P05")
    source.run("UPDATE contract SET meta = NULL WHERE id = 20")
    source.clear_events()
    source.install(capture=[MAPPING["capture"][0], {**MAPPING["capture"][1], "columns": ["title"]}])
    assert recapture(source.database.engine).recaptured == 2
    assert source.events() == [
        Captured("update", "20", {"title": [None, "b"], "meta": None}),
        Captured("update", "20", {"meta": None}),
    ]


def test_captures_rolled_back_to_a_savepoint_are_made_again(source: Source) -> None:
    """Constraints checked inside a savepoint that is rolled back: what stands is captured at commit, once."""
    with source.database.connect() as connection:
        connection.execute("INSERT INTO contract (id) SELECT generate_series(1, 5)")
        connection.execute("SAVEPOINT a")
        connection.execute("INSERT INTO contract (id) SELECT generate_series(6, 9)")
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.execute("ROLLBACK TO a")
        connection.execute("INSERT INTO contract (id) SELECT generate_series(10, 12)")
    assert [one.contract for one in source.events()] == ["1", "2", "3", "4", "5", "10", "11", "12"]
