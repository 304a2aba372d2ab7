"""Plan, install and uninstall: every fault at once, nothing changed, idempotent, and gone without a trace."""

import subprocess
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from outbox.embedded import binaries
from outbox.errors import ConfigurationError, OutboxError
from outbox.install import install, plan, uninstall
from outbox.mapping import Mapping
from outbox.plan import State
from tests.conftest import Database
from tests.postgres import DEFAULT_VERSION
from tests.sources import MAPPING, QUERY, Captured, Source


@pytest.fixture
def source(database: Database) -> Source:
    """The application, not captured yet."""
    return Source(database)


def rule(**changes: Any) -> dict[str, Any]:
    """A rule with some keys changed."""
    return {**MAPPING["capture"][0], **changes}


def contract(query: str, **changes: Any) -> dict[str, Any]:
    """A contract section."""
    return {"query": query, **changes}


def faults_of(source: Source, **changes: Any) -> tuple[str, ...]:
    """The faults that an install finds; nothing may have been made."""
    before = source.rows("SELECT count(*) FROM pg_trigger UNION ALL SELECT count(*) FROM pg_proc")
    with pytest.raises(ConfigurationError) as caught:
        source.install(**changes)
    assert source.rows("SELECT count(*) FROM pg_trigger UNION ALL SELECT count(*) FROM pg_proc") == before
    assert source.rows("SELECT count(*) FROM outbox.source") == [(0,)]
    return caught.value.faults


SELECT = "SELECT id AS contract_id, unit_id AS business_unit, status"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"capture": [rule(table="contracts")]}, "expected a table, got 'contracts', which is none; did you mean"),
        ({"capture": [rule(table="a.b.c.d")]}, "expected a table, got 'a.b.c.d', which is none"),
        ({"capture": [rule(table="open_contract")]}, "got public.open_contract, a view: name the table below it"),
        ({"capture": [rule(table="outbox.event")]}, "expected a table of the application, got outbox.event"),
        ({"capture": [rule(contract="new.contract_id")]}, "contract: expected SQL over old and new that gives the"),
        (
            {"capture": [rule(contract="new.is_template")]},
            "gives the contract's bigint, got: cannot cast type boolean to bigint",
        ),
        ({"capture": [rule(contract="generate_series(1, new.id)")]}, "one value (write SELECT where there can be"),
        (
            {"capture": [rule(contract="SELECT id, title FROM contract")]},
            "expected a query of one column, the contract's key, got id, title",
        ),
        ({"capture": [rule(when="new.id")]}, "when: expected a condition over old and new, got: argument of WHERE"),
        ({"capture": [rule(when="new.id >")]}, "when: expected a condition over old and new, got: syntax error"),
        ({"capture": [rule(detail="new.title")]}, "detail: expected jsonb, got text; write jsonb_build_object"),
        ({"capture": [rule(detail="jsonb_build_object('p', new.password)")]}, "nothing under never in contract and"),
        (
            {"capture": [rule(trigger="update", on="update", ignore=["titel"])]},
            "ignore: expected columns of public.contract, got 'titel'; did you mean 'title'?",
        ),
        (
            {"capture": [rule(trigger="update", on="update", columns=["password"])]},
            "columns: expected nothing under never, got 'password'",
        ),
        (
            {
                "capture": [
                    rule(
                        trigger="update", table="recipient", on="update", contract="new.contract_id", columns=["email"]
                    )
                ]
            },
            "columns: expected only for the contract's own table, got public.recipient",
        ),
        ({"capture": [rule(), rule(name="again")]}, "overlap: both raise create on insert of contract"),
        (
            {"capture": [rule(), rule(table="public.contract")]},
            "overlap: both raise create on insert of public.contract",
        ),
        ({"contract": contract("SELECT 1 AS contract_id FROM nothing")}, 'got: relation "nothing" does not exist'),
        (
            {"contract": contract("SELECT id AS contract_id FROM contract")},
            "expected a column business_unit, got contract_id",
        ),
        (
            {"contract": contract(f"{SELECT}, title, note AS title FROM contract")},
            "expected each column once, got title 2 times",
        ),
        ({"contract": contract(f"{SELECT}, password AS pw FROM contract", never=["password"])}, "got password as pw"),
        (
            {
                "contract": contract(
                    f"{SELECT} FROM contract JOIN recipient r ON r.contract_id = contract.id".replace(
                        " id AS", " contract.id AS"
                    )
                )
            },
            "expected one row for each contract, got 2 for contract 1",
        ),
        (
            {
                "contract": contract(
                    "SELECT id AS contract_id, nullif(unit_id, 2) AS business_unit, status FROM contract"
                )
            },
            "expected business_unit in every row, got NULL in 1 of 2",
        ),
        (
            {"contract": contract("SELECT nullif(id, 1) AS contract_id, 1 AS business_unit, status FROM contract")},
            "expected contract_id in every row, got NULL in 1 of 2",
        ),
        (
            {
                "contract": contract("SELECT number AS contract_id, 1 AS business_unit, 'x' AS status FROM pair"),
                "capture": [rule(table="pair", contract="new.number")],
            },
            "got number, a part of the composite key (year, number) of public.pair; give",
        ),
        (
            {"business_unit": {"query": "SELECT id, name FROM unit"}},
            "business_unit.query: expected a column business_unit",
        ),
        ({"company": {"query": "SELECT id FROM company"}}, "company.query: expected a column company, got id"),
        ({"expired": {"open": "stat = 'draft'"}}, "expired.open: expected a condition on the contract query's columns"),
        (
            {"expired": {"query": "SELECT 1 AS contract_id, localtimestamp AS expires_at WHERE now() > :now"}},
            "expired.time_zone: expected a zone, since expires_at is a timestamp without time zone",
        ),
        (
            {"expired": {"query": "SELECT 1 AS contract_id, '' AS expires_at WHERE now() > :now"}},
            "expired: expected expires_at as timestamp with time zone, timestamp or date, got text; cast it",
        ),
        (
            {"expired": {"query": "SELECT 1 AS contract_id, now() AS expires_at, 'x' AS detail WHERE now() > :now"}},
            "expired.query: detail: expected jsonb, got text",
        ),
        ({"contract": contract(QUERY, table="nope", key="id")}, "contract.table: expected a table, got 'nope'"),
        (
            {"contract": contract(QUERY, table="contract", key="ident")},
            "contract.key: expected a column of public.contract",
        ),
    ],
)
def test_each_fault_has_its_words_and_nothing_is_changed(source: Source, changes: dict[str, Any], words: str) -> None:
    """Every kind of fault is refused with what was expected, what came and what to do."""
    source.run(
        "CREATE VIEW open_contract AS SELECT * FROM contract",
        "CREATE TABLE pair (year int, number int, PRIMARY KEY (year, number))",
        "INSERT INTO contract (id, unit_id) VALUES (1, 1), (2, 2)",
        "INSERT INTO recipient (contract_id) VALUES (1), (1)",
    )
    found = faults_of(source, **changes)
    assert any(words in fault for fault in found), found
    assert all(fault.startswith("source.toml: ") for fault in found)


def test_every_fault_is_named_at_once(source: Source) -> None:
    """Faults of all parts come together, so that one round mends them all."""
    found = faults_of(
        source,
        contract=contract("SELECT id AS contract_id FROM contract"),
        business_unit={"query": "SELECT 1 AS x"},
        capture=[rule(table="nope"), rule(name="b", when="new.x"), rule(name="c", trigger="send", detail="1")],
    )
    assert len(found) == 7


def test_a_wrong_contract_query_accuses_no_rule(source: Source) -> None:
    """A typing mistake there is one fault: rules that name columns of the contract's table are as right as before."""
    found = faults_of(
        source,
        contract=contract(QUERY.replace("FROM contract", "FROM contrakt")),
        capture=[rule(trigger="update", on="update", columns=["title"])],
    )
    assert len(found) == 1
    assert "contract.query" in found[0]


def test_a_lookup_that_reads_a_large_table_is_refused_or_allowed(source: Source) -> None:
    """A sequential scan over more than 10,000 rows at every commit needs --allow-slow; with an index, nothing."""
    source.run(
        "INSERT INTO contract (id) SELECT generate_series(1, 12000)",
        "INSERT INTO recipient (contract_id) SELECT generate_series(1, 12000)",
        "DROP INDEX recipient_contract",
        "ANALYZE",
    )
    found = faults_of(source)
    assert found == (
        (
            "source.toml: contract.query: expected a lookup by an index, got one that reads all of public.recipient,"
            " which has more than 10,000 rows, at every commit; add an index there, or accept it with --allow-slow"
        ),
    )
    backwards = rule(
        trigger="send", table="email", contract="SELECT contract_id FROM recipient WHERE email = new.address"
    )
    source.run("CREATE INDEX recipient_contract ON recipient (contract_id)")
    (fault,) = faults_of(source, capture=[backwards])
    assert "capture 'send on email': expected a lookup by an index" in fault
    install(source.database.engine, Mapping.model_validate({**MAPPING, "capture": [backwards]}), allow_slow=True)


def test_a_second_install_has_nothing_to_do(source: Source) -> None:
    """Installing twice makes nothing, drops nothing and records nothing; a changed rule makes that function anew."""
    first = source.install()
    assert set(first.plan.states.values()) == {State.NEW}
    before = source.rows("SELECT oid, xmin FROM pg_trigger UNION ALL SELECT oid, xmin FROM pg_proc ORDER BY 1")
    assert source.install().plan.done
    assert source.rows("SELECT oid, xmin FROM pg_trigger UNION ALL SELECT oid, xmin FROM pg_proc ORDER BY 1") == before
    assert source.rows("SELECT count(*) FROM outbox.source") == [(1,)]
    changed = source.install(capture=[rule(when="new.title IS NOT NULL"), *MAPPING["capture"][1:3]])
    differing = {name for name, state in changed.plan.states.items() if state is not State.STANDS}
    assert differing == {"function outbox.note_public_contract_insert"}
    assert [one.name for one in changed.plan.drops] == [
        "trigger 00_outbox_note_insert on public.email",
        "function outbox.note_public_email_insert",
    ]
    source.run("INSERT INTO contract (id) VALUES (1)", "INSERT INTO email VALUES (1, 'invitation', 'x')")
    assert source.events() == []


def test_what_differs_is_made_anew(source: Source) -> None:
    """A trigger dropped, disabled or changed by hand is told by plan and mended by install."""
    source.install()
    source.run(
        'ALTER TABLE contract DISABLE TRIGGER "00_outbox_note_insert"',
        'DROP TRIGGER "00_outbox_note_update" ON contract',
        "ALTER FUNCTION outbox.find_contracts SET work_mem = '1MB'",
    )
    mended = source.install()
    assert {name: state for name, state in mended.plan.states.items() if state is not State.STANDS} == {
        "trigger 00_outbox_note_insert on public.contract": State.DIFFERS,
        "trigger 00_outbox_note_update on public.contract": State.NEW,
        "function outbox.find_contracts": State.DIFFERS,
    }
    source.run("INSERT INTO contract (id) VALUES (1)", "UPDATE contract SET title = 'x'")
    assert [one.trigger for one in source.events()] == ["create", "update"]
    assert source.install().plan.done


def test_plan_changes_nothing(source: Source) -> None:
    """Planning leaves no object, no row and no lock."""
    with source.database.engine.connect() as connection:
        planned = plan(connection, Mapping.model_validate(MAPPING))
        held = source.rows(
            "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
            " WHERE c.relname = 'contract' AND l.mode <> 'AccessShareLock'"
        )
    assert held == [(0,)]
    assert not planned.plan.done
    assert source.rows("SELECT count(*) FROM outbox.installed_objects()") == [(0,)]


def _dump(database: Database) -> str:
    done = subprocess.run(
        [
            binaries(DEFAULT_VERSION) / "pg_dump",
            "-s",
            "-N",
            "outbox",
            "-N",
            "outbox_audit",
            "--restrict-key=same",
            database.dsn,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_uninstall_leaves_no_trace(source: Source) -> None:
    """After uninstall the application's schema is byte for byte what it was."""
    before = _dump(source.database)
    source.install()
    assert "outbox" in _dump(source.database)
    removed = uninstall(source.database.engine)
    assert _dump(source.database) == before
    assert len(removed) > 10
    assert source.rows(
        "SELECT count(*) FROM outbox.installed_objects() UNION ALL SELECT count(*) FROM outbox.rule"
    ) == [
        (0,),
        (0,),
    ]
    source.run("INSERT INTO contract (id) VALUES (1)")
    assert (source.events(), uninstall(source.database.engine)) == ([], ())
    source.install()
    source.run("INSERT INTO contract (id) VALUES (2)")
    assert source.events() == [Captured("create", "2")]


def test_install_waits_for_locks_without_blocking_the_application(source: Source) -> None:
    """Install gives way while a long transaction holds a table, so that nobody queues behind it, and comes back."""
    pauses: list[float] = []
    with closing(source.database.connect()) as busy:
        busy.execute("INSERT INTO contract (id) VALUES (1)")

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 1:
                busy.commit()

        def work() -> None:
            install(source.database.engine, Mapping.model_validate(MAPPING), pause=pause)

        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(0.3)
        started = time.monotonic()
        source.run("INSERT INTO contract (id) VALUES (2)")
        assert time.monotonic() - started < 3
        worker.join()
    assert len(pauses) >= 1
    source.run("INSERT INTO contract (id) VALUES (3)")
    assert source.events() == [Captured("create", "3")]


def test_install_gives_up_with_words(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that can't be had at all end in a message, with nothing changed."""
    monkeypatch.setattr("outbox.install.TRIES", 1)
    with closing(source.database.connect()) as busy:
        busy.execute("LOCK TABLE contract")
        with pytest.raises(OutboxError, match="could not be had in 1 tries of 1s: a long transaction"):
            install(source.database.engine, Mapping.model_validate(MAPPING), pause=lambda _: None)
    assert source.rows("SELECT count(*) FROM outbox.installed_objects()") == [(0,)]


def test_two_installs_at_once_are_one_after_the_other(source: Source) -> None:
    """Two hosts installing together end with one installation."""
    threads = [threading.Thread(target=source.install) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.rows("SELECT count(*) FROM outbox.source WHERE removed_at IS NULL") == [(1,)]
    assert source.install().plan.done
