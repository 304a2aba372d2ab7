"""Questions that run the product's own routing and reports over history: against what really was sent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from outbox.questions import differs, would_have_sent
from tests.command import Command
from tests.conftest import Database
from tests.factories import Connection, insert_attempt, insert_delivery, insert_event
from tests.receiver import Receiver, receiver


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver that says yes."""
    with receiver() as running:
        yield running


class Application:
    """A contract application, its connectors, and the relay run when asked."""

    def __init__(self, database: Database, outbox: Command) -> None:
        self._database = database
        self._outbox = outbox

    def __call__(self, *statements: str) -> None:
        """Runs the statements in one transaction."""
        with self._database.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def connect(self, name: str, url: str, *options: str, unit: str = "1") -> None:
        """Adds a connector for create and update."""
        self._outbox(
            "connectors", "add", name, "--business-unit", unit, "--trigger", "create", "--trigger", "update",
            "--url", url, *options,
        )  # fmt: skip

    def send(self) -> None:
        """Routes and sends all that is due."""
        self._outbox("run", "--once")

    def ask(self, *words: str) -> list[dict[str, Any]]:
        """The rows of an answer."""
        rows: list[dict[str, Any]] = json.loads(self._outbox("ask", *words))
        return rows


@pytest.fixture
def application(source_database: Database, command_line: Command) -> Application:
    """The application with its mapping installed."""
    return Application(source_database, command_line)


def create(contract: int, *, unit: int = 1) -> str:
    """A contract of the company ACME."""
    columns = "id, business_unit_id, company_id, title, amount"
    return f"INSERT INTO contract ({columns}) VALUES ('{contract}', {unit}, 7, 'T', 12.50)"  # noqa: S608 (an application writes its own SQL)


def test_the_dry_run_builds_what_its_twin_really_sent(
    application: Application, crm: Receiver, sql: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connector that came later would have sent the same bytes; in pages of any size, and nothing is written."""
    application.connect("early", crm.url)
    application(create(1), "UPDATE contract SET title = 'U' WHERE id = '1'")
    application("UPDATE contract SET amount = 1.10 WHERE id = '1'", "UPDATE contract SET title = 'V' WHERE id = '1'")
    application(create(2, unit=2))
    application("INSERT INTO contract_email (contract_id) VALUES ('1')")
    application(create(3))
    application.send()
    application.connect("late", crm.url)
    counts = "SELECT (SELECT count(*) FROM outbox.delivery), (SELECT count(*) FROM outbox.decision)"
    before = sql.execute(counts.encode()).fetchall()

    for batch in (500, 1):
        monkeypatch.setattr(would_have_sent, "BATCH", batch)
        rows = application.ask("would-have-sent", "--connector", "late")
        assert sorted(row["body"] for row in rows) == sorted(got.body.decode() for got in crm.received)
        assert {row["verdict"] for row in rows} == {"send"}
        assert [row["in_fact"] for row in rows] == ["nothing was decided for it"] * 3
    assert sql.execute(counts.encode()).fetchall() == before
    assert [row["in_fact"] for row in application.ask("would-have-sent", "--connector", "early")] == ["delivered"] * 3


def test_the_dry_run_says_what_it_would_not_send(application: Application, crm: Receiver) -> None:
    """With --all: the trigger that is not chosen, the note that is part of another; never another unit's events."""
    application.connect("crm", crm.url)
    application(create(1), "UPDATE contract SET title = 'U' WHERE id = '1'")
    application("INSERT INTO contract_email (contract_id) VALUES ('1')")
    application(create(2, unit=2))

    waiting = application.ask("would-have-sent", "--connector", "crm", "--all")
    application.send()
    routed = application.ask("would-have-sent", "--connector", "crm", "--all")

    assert [row["verdict"] for row in waiting] == ["send", "coalesced into 1", "trigger_not_chosen"]
    assert [row["verdict"] for row in routed] == [row["verdict"] for row in waiting]
    assert {row["in_fact"] for row in waiting} == {"not routed yet"}
    assert [row["in_fact"] for row in routed] == [
        "delivered",
        "not sent by itself: part of event 1",
        "not sent: this connector did not have the trigger send",
    ]
    assert application.ask("would-have-sent", "--connector", "crm", "--until", "1h", "--since", "2h") == []
    assert application.ask("would-have-sent", "--connector", "crm", "--contract", "2") == []


def test_the_dry_run_is_refused_for_what_does_not_stand(application: Application, command_line: Command) -> None:
    """A removed connector has no present version; without a mapping companies can't be read."""
    application.connect("gone", "https://crm.example/hook")
    command_line("connectors", "remove", "gone", "--yes")
    application.connect("crm", "https://crm.example/hook")

    assert "expected a connector that stands" in command_line("ask", "would-have-sent", "--connector", "gone", code=2)
    command_line("uninstall", "--yes")
    for question in ("would-have-sent", "differs"):
        assert "no mapping is installed" in command_line("ask", question, "--connector", "crm", code=1)


SILENT = "SET LOCAL session_replication_role = replica"
"""What the application writes after this, no capture trigger sees."""


def found(application: Application, connector: str = "crm") -> dict[str, tuple[str, Any]]:
    """Contract -> verdict, and what differs or why it can't be compared."""
    rows = application.ask("differs", "--connector", connector)
    return {row["contract_id"]: (row["verdict"], row["differences"] or row["words"]) for row in rows}


def test_differs_finds_what_a_receiver_does_not_know(
    application: Application, crm: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields of contract, status and company; not what is equal, and nothing of other business units."""
    monkeypatch.setattr(differs, "BATCH", 2)
    application.connect("crm", crm.url, "--company-field", "vat", "--map", "title=Deal.Title")
    application.connect("words", crm.url, "--data", "status")
    for contract in (1, 2, 3):
        application(create(contract))
    application(create(4, unit=2))
    application.send()
    assert found(application) == found(application, "words") == {}

    application(
        SILENT,
        "UPDATE contract SET amount = 99.90, title = 'new' WHERE id = '1'",
        "UPDATE contract SET status = 'signed' WHERE id = '2'",
        "UPDATE contract SET amount = 1 WHERE id = '4'",
    )

    assert found(application) == {
        "1": (
            "differs",
            {"Deal.Title": {"old": "T", "new": "new"}, "contract.amount": {"old": 12.50, "new": 99.90}},
        ),
        "2": ("differs", {"status": {"old": "draft", "new": "signed"}}),
    }
    assert [*found(application, "words")] == ["2"]
    application(SILENT, "UPDATE company SET vat = 'X2'")
    assert found(application)["3"] == ("differs", {"company.vat": {"old": "DE123", "new": "X2"}})


def test_differs_says_what_can_not_be_compared(application: Application, crm: Receiver, sql: Connection) -> None:
    """A contract that is gone, that moved to a unit of others, whose report is no more."""
    application.connect("crm", crm.url)
    for contract in (1, 2, 4):
        application(create(contract))
    application.send()
    erased = insert_event(sql, "3", "create", business_unit="1")
    insert_delivery(sql, erased, 1, body=None)
    insert_attempt(sql, erased, 1)
    application(
        SILENT,
        create(3),
        "DELETE FROM contract WHERE id = '1'",
        "UPDATE contract SET business_unit_id = 2 WHERE id = '2'",
        "UPDATE contract SET amount = 2 WHERE id = '4'",
    )

    rows = {row["contract_id"]: row for row in application.ask("differs", "--connector", "crm")}

    assert {contract: row["verdict"] for contract, row in rows.items()} == {
        "1": "not comparable",
        "2": "not comparable",
        "3": "not comparable",
        "4": "differs",
    }
    assert "the contract is no more" in rows["1"]["words"]
    assert "now belongs to business unit 2" in rows["2"]["words"]
    assert "they were erased" in rows["3"]["words"]


def test_differs_goes_by_what_was_got_last(application: Application, crm: Receiver, command_line: Command) -> None:
    """A replay of an old report is what a receiver has last; what is on its way is counted; the unsent is not got."""
    application.connect("crm", crm.url)
    application(create(1))
    application("UPDATE contract SET amount = 2 WHERE id = '1'")
    application.send()
    assert found(application) == {}

    command_line("replay", "1", "crm", "--yes")
    application.send()
    assert found(application) == {"1": ("differs", {"contract.amount": {"old": 12.50, "new": 2}})}
    assert application.ask("differs", "--connector", "crm")[0]["waiting"] == 0

    command_line("replay", "2", "crm", "--yes")
    assert application.ask("differs", "--connector", "crm", "--contract", "1")[0]["waiting"] == 1
    application.send()
    application(create(2))
    assert found(application) == {}


def test_forms_are_compared_too(application: Application, crm: Receiver) -> None:
    """Field by field, by the version of the connector that built the report."""
    application.connect("crm", crm.url, "--content-type", "application/x-www-form-urlencoded")
    application(create(1))
    application.send()

    application(SILENT, "UPDATE contract SET amount = 3 WHERE id = '1'")

    assert found(application) == {"1": ("differs", {"contract[amount]": {"old": "12.50", "new": "3"}})}
