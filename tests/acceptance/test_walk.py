"""The walk of one event: from a commit in a contract database that knows nothing of us to a recorded delivery."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.program import Program, program
from tests.receiver import Answer, Receiver, receiver
from tests.relays import wait_for

APPLICATION = """
CREATE TABLE business_unit (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE company (id integer PRIMARY KEY, business_unit_id integer REFERENCES business_unit, name text,
  extra jsonb);
CREATE TABLE contract (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), business_unit_id integer REFERENCES business_unit,
  company_id integer REFERENCES company, status text NOT NULL DEFAULT 'draft', title text, amount numeric,
  expires_at timestamptz, is_template boolean NOT NULL DEFAULT false, updated_at timestamptz DEFAULT now());
CREATE TABLE contract_email (id serial PRIMARY KEY, contract_id uuid REFERENCES contract, kind text, recipient text);
CREATE TABLE review (id serial PRIMARY KEY, contract_id uuid REFERENCES contract, reviewer text);
INSERT INTO business_unit VALUES (1, 'Provider BU'), (2, 'Other BU');
INSERT INTO company VALUES (7, 1, 'ACME', '{"vat": "DE123"}');
"""

SOURCE = """
[contract]
query = '''
  SELECT c.id AS contract_id, c.business_unit_id AS business_unit, c.status, c.company_id AS company,
         c.expires_at, c.title, c.amount
  FROM contract c WHERE NOT c.is_template'''

[business_unit]
query = "SELECT id AS business_unit, name FROM business_unit"

[company]
query = "SELECT id AS company, business_unit_id AS business_unit, name, extra FROM company"

[expired]
open = "status IN ('draft', 'sent')"

[[capture]]
trigger = "create"
table = "public.contract"
on = "insert"
contract = "new.id"

[[capture]]
trigger = "update"
table = "public.contract"
on = "update"
contract = "new.id"
ignore = ["updated_at"]

[[capture]]
trigger = "send"
table = "public.contract_email"
on = "insert"
contract = "new.contract_id"
when = "new.kind = 'invitation'"
detail = "jsonb_build_object('recipient', new.recipient)"

[[capture]]
trigger = "review"
table = "public.review"
on = "insert"
contract = "new.contract_id"
"""

CONNECTORS = """
[[connector]]
name = "crm"
business_units = ["Provider BU"]
triggers = ["create", "update", "send"]
url = "{url}/crm"
content_type = "application/json"
secret = {{ env = "CRM_SECRET" }}
ssl_verification = true
data = "everything"
company_fields = ["vat"]
schedule = ["1s", "1s", "1s"]
"""


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """The receiver of every test here."""
    with receiver() as running:
        yield running


@pytest.fixture
def outbox(database: Database, crm: Receiver, tmp_path: Path) -> Program:
    """An application's database with everything installed beside it."""
    with database.connect(autocommit=True) as connection:
        connection.execute(APPLICATION.encode())
    (tmp_path / "source.toml").write_text(SOURCE)
    (tmp_path / "connectors.toml").write_text(CONNECTORS.format(url=crm.url))
    command = program(tmp_path, database.url)
    command.environment["CRM_SECRET"] = "your_secret_key"
    command("migrate")
    command("install", "--yes")
    command("connectors", "apply", "--yes")
    return command


def _create(connection: "psycopg.Connection[tuple[object, ...]]") -> str:
    row = connection.execute(
        "INSERT INTO contract (business_unit_id, company_id, title, amount)"
        " VALUES (1, 7, 'First', 1200.50) RETURNING id"
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_commit_becomes_a_report_and_an_attempt(outbox: Program, database: Database, crm: Receiver) -> None:
    """One committed contract is one report at its receiver, byte for byte what the outbox holds."""
    with database.connect() as connection:
        contract = _create(connection)
    assert crm.received == []

    outbox("run", "--once")

    assert [got.path for got in crm.received] == ["/crm"]
    got = crm.received[0]
    report = json.loads(got.body)
    envelope = ["id", "trigger", "occurred_at", "business_unit", "contract_id", "status"]
    assert list(report) == [*envelope, "contract", "changed", "detail", "company"]
    assert (report["trigger"], report["business_unit"], report["contract_id"]) == ("create", "1", contract)
    assert b'"amount":1200.50' in got.body
    assert report["company"] == {"id": "7", "name": "ACME", "vat": "DE123"}
    assert got.headers["authorization"] == "Basic d2ViaG9vazp5b3VyX3NlY3JldF9rZXk="
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT connector, number, outcome, status_code, request_body FROM outbox_audit.attempts"
        ).fetchall()
        states = connection.execute("SELECT trigger, state, attempts FROM outbox_audit.deliveries").fetchall()
    assert rows == [("crm", 1, "ok", 200, got.body)]
    assert states == [("create", "delivered", 1)]


def test_a_rollback_leaves_nothing(outbox: Program, database: Database, crm: Receiver) -> None:
    """What was not committed is nowhere: not in the outbox, not at a receiver."""
    with database.connect() as connection:
        _create(connection)
        connection.rollback()

    outbox("run", "--once")

    assert crm.received == []
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM outbox_audit.events").fetchone() == (0,)


def test_each_trigger_reaches_those_who_chose_it(outbox: Program, database: Database, crm: Receiver) -> None:
    """`review` was not chosen: it is on record, with that reason, and not sent."""
    with database.connect() as connection:
        contract = _create(connection)
        connection.commit()
        for statement in (
            "UPDATE contract SET status = 'sent', title = 'Second' WHERE id = %s",
            "INSERT INTO contract_email (contract_id, kind, recipient) VALUES (%s, 'invitation', 'a@b')",
            "INSERT INTO contract_email (contract_id, kind, recipient) VALUES (%s, 'receipt', 'a@b')",
            "INSERT INTO review (contract_id, reviewer) VALUES (%s, 'someone')",
        ):
            connection.execute(statement, [contract])
            connection.commit()

    outbox("run", "--once")

    reports = [json.loads(got.body) for got in crm.received]
    assert [one["trigger"] for one in reports] == ["create", "update", "send"]
    assert reports[1]["changed"] == {
        "status": {"old": "draft", "new": "sent"},
        "title": {"old": "First", "new": "Second"},
    }
    assert reports[2]["detail"] == {"recipient": "a@b"}
    with database.connect() as connection:
        assert connection.execute("SELECT connector, reason FROM outbox_audit.not_sent").fetchall() == [
            ("crm", "trigger_not_chosen")
        ]


def test_a_failing_receiver_gets_the_same_report_again(outbox: Program, database: Database, crm: Receiver) -> None:
    """A retry carries the same id and bytes, the next number, and ends well when the receiver does."""
    statuses = iter([500, 503])
    crm.answer = lambda _: Answer(status=next(statuses, 200))
    with database.connect() as connection:
        _create(connection)

    _run_until(outbox, lambda: len(crm.received) >= 3)

    first, *rest = crm.received
    assert [got.body for got in rest] == [first.body, first.body]
    assert {got.headers["webhook-id"] for got in crm.received} == {first.headers["webhook-id"]}
    assert [got.headers["outbox-attempt"] for got in crm.received] == ["1", "2", "3"]
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT number, outcome, status_code FROM outbox_audit.attempts ORDER BY number"
        ).fetchall()
    assert rows == [(1, "http_error", 500), (2, "http_error", 503), (3, "ok", 200)]


def test_the_daemon_is_woken_and_ends_in_good_order(outbox: Program, database: Database, crm: Receiver) -> None:
    """It delivers while it runs, and SIGTERM lets what is under way finish and exits 0."""
    crm.answer = lambda _: Answer(seconds=0.4)
    process = outbox.start("run")
    try:
        with database.connect() as connection:
            wait_for(lambda: _workers(connection) == 1)
            _create(connection)
            connection.commit()
            wait_for(lambda: len(crm.received) == 1)
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
    with database.connect() as connection:
        assert connection.execute("SELECT state FROM outbox_audit.deliveries").fetchall() == [("delivered",)]
        assert connection.execute("SELECT count(*) FROM outbox.worker WHERE stopped_at IS NOT NULL").fetchone() == (1,)


def test_what_was_built_before_an_edit_is_sent_as_it_was_built(
    outbox: Program, database: Database, crm: Receiver
) -> None:
    """A connector edited later changes no report that is already built; its new address is used."""
    crm.answer = lambda _: Answer(status=500)
    with database.connect() as connection:
        _create(connection)
    outbox("run", "--once")
    outbox("connectors", "edit", "crm", "--url", f"{crm.url}/moved", "--data", "status")
    crm.answer = lambda _: Answer()

    _run_until(outbox, lambda: any(got.path == "/moved" for got in crm.received))

    old, new = crm.received[0], crm.received[-1]
    assert (old.path, new.path) == ("/crm", "/moved")
    assert new.body == old.body


def _workers(connection: "psycopg.Connection[tuple[object, ...]]") -> object:
    row = connection.execute("SELECT count(*) FROM outbox.worker").fetchone()
    connection.commit()
    return row[0] if row else None


def _run_until(outbox: Program, condition: Callable[[], bool]) -> None:
    """Lets the daemon run until something is so."""
    process = outbox.start("run")
    try:
        wait_for(condition)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
