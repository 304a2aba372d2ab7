"""Giving a connector the recorded events that it missed."""

import json
import threading
from typing import Any, cast

import pytest

from outbox.backfill import Wanted, backfill
from outbox.connectors import load_connectors
from outbox.errors import RefusedError
from outbox.secret_box import SecretBox
from tests.command import Command
from tests.conftest import Database
from tests.connectors import DOCUMENT, recorded
from tests.factories import Connection, insert_delivery, insert_event, insert_queued


@pytest.fixture
def outbox(command_line: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with the connector crm: unit 1, create and update, one company field, a secret."""
    monkeypatch.setenv("HUSH", "hush-hush")
    command_line(
        "connectors", "add", "crm", "--business-unit", "1", "--trigger", "create", "--trigger", "update",
        "--url", "https://crm.example/hook", "--company-field", "vat", "--secret-env", "HUSH",
    )  # fmt: skip
    return command_line


def waiting(sql: Connection) -> list[tuple[object, ...]]:
    """The queue by lane: contract, event, ready."""
    return sql.execute(
        "SELECT contract_id, event_id, ready FROM outbox.queue ORDER BY contract_id, position"
    ).fetchall()


def bodies(sql: Connection) -> dict[int, dict[str, Any]]:
    """Every delivery's report by event."""
    rows = cast("list[tuple[int, bytes]]", sql.execute("SELECT event_id, body FROM outbox.delivery").fetchall())
    return {event_id: json.loads(body) for event_id, body in rows}


def test_backfill_makes_what_the_connector_would_get_now(outbox: Command, sql: Connection) -> None:
    """Its units and triggers, routed, standing, with a document, not delivered; in order."""
    first = recorded(sql, "k1", "create")
    second = recorded(sql, "k1", changed={"title": ["a", "b"]})
    [(xid,)] = sql.execute("SELECT xid FROM outbox.event WHERE id = %s", [second]).fetchall()
    recorded(sql, "k1", changed={"title": ["b", "c"]}, reason="coalesced", into=second, xid=xid)
    other = recorded(sql, "k2")
    recorded(sql, "k3", "send")
    recorded(sql, "k3", business_unit="2")
    recorded(sql, "k3", business_unit=None, reason="no_business_unit")
    recorded(sql, "k3", reason="unchanged")
    recorded(sql, "k3", document=None, reason="contract_gone")
    insert_event(sql, "k3", business_unit="1", document=DOCUMENT)  # not routed yet: the relay will

    asked = outbox("connectors", "backfill", "crm", code=1)
    made = outbox("connectors", "backfill", "crm", "--yes", "--as", "ada")

    assert "3 recorded events for 'crm'. Make the deliveries?" in asked
    assert made == "3 deliveries made for 'crm'\n"
    assert waiting(sql) == [("k1", first, True), ("k1", second, False), ("k2", other, True)]
    reports = bodies(sql)
    assert reports[second]["changed"] == {"title": {"old": "a", "new": "c"}}
    assert reports[first]["company"] == {"id": "7", "name": "ACME", "vat": "DE123"}
    decided = sql.execute(
        "SELECT event_id, reason, connector_version FROM outbox.decision"
        " WHERE connector_id IS NOT NULL ORDER BY event_id"
    ).fetchall()
    assert decided == [(first, "backfill", 1), (second, "backfill", 1), (other, "backfill", 1)]
    assert sql.execute("SELECT DISTINCT kind FROM outbox.delivery").fetchall() == [("backfill",)]
    assert outbox("connectors", "backfill", "crm") == "no recorded event is missing at 'crm'; nothing to do\n"


def test_backfilled_events_come_before_what_waits(outbox: Command, sql: Connection) -> None:
    """The lane's head steps back; one that is being sent stays, and the backfilled one is next."""
    [(connector_id,)] = cast("list[tuple[int]]", sql.execute("SELECT id FROM outbox.connector").fetchall())
    old = {contract: recorded(sql, contract) for contract in ("idle", "busy", "free")}
    new = {contract: recorded(sql, contract) for contract in ("idle", "busy")}
    for contract, event_id in new.items():
        insert_delivery(sql, event_id, connector_id)
        insert_queued(
            sql, event_id, connector_id, **({"leased": "host:1", "attempts": 1} if contract == "busy" else {})
        )

    outbox("connectors", "backfill", "crm", "--yes")

    assert waiting(sql) == [
        ("busy", old["busy"], False),
        ("busy", new["busy"], True),
        ("free", old["free"], True),
        ("idle", old["idle"], True),
        ("idle", new["idle"], False),
    ]


def test_backfill_without_order_makes_everything_ready(outbox: Command, sql: Connection) -> None:
    """A connector without order has no lanes."""
    outbox("connectors", "edit", "crm", "--order", "none")
    for _ in range(3):
        recorded(sql)

    outbox("connectors", "backfill", "crm", "--yes")

    assert [row[2] for row in waiting(sql)] == [True, True, True]


def test_backfill_filters(outbox: Command, sql: Connection) -> None:
    """By time, contract and trigger; an unknown or unchosen trigger is refused."""
    early = recorded(sql, "k1", occurred_at="2026-01-01T10:00:00Z")
    late = recorded(sql, "k1", "create", occurred_at="2026-01-02T10:00:00Z")
    recorded(sql, "k2", occurred_at="2026-01-03T10:00:00Z")

    assert "'send'" in outbox("connectors", "backfill", "crm", "--trigger", "send", code=1)
    assert "did you mean 'send'" in outbox("connectors", "backfill", "crm", "--trigger", "sned", code=2)
    assert "--since" in outbox("connectors", "backfill", "crm", "--since", "yesterdayish", code=2)
    outbox("connectors", "backfill", "crm", "--contract", "k1", "--trigger", "create", "--yes")
    assert list(bodies(sql)) == [late]
    outbox("connectors", "backfill", "crm", "--since", "2026-01-01", "--until", "2026-01-02", "--yes")
    assert sorted(bodies(sql)) == [early, late]


def test_backfill_reads_again_what_overlapped(outbox: Command, sql: Connection) -> None:
    """Where routing read a contract again, its document of then is not the whole; neither is it here."""
    sql.execute("INSERT INTO contract (id, business_unit_id, title) VALUES ('k1', 1, 'as it is now')")
    event_id = recorded(sql, reread=True)

    outbox("connectors", "backfill", "crm", "--yes")

    assert bodies(sql)[event_id]["contract"] == {"title": "as it is now", "amount": None}
    assert sql.execute("SELECT reread FROM outbox.decision WHERE reason = 'backfill'").fetchone() == (True,)


def test_a_disabled_connector_may_catch_up_but_not_one_that_discards(outbox: Command, sql: Connection) -> None:
    """Deliveries wait for the one; the other would never send them."""
    recorded(sql)
    outbox("connectors", "disable", "crm", "--discard", "--yes")
    assert "discards what it gets" in outbox("connectors", "backfill", "crm", "--yes", code=1)
    outbox("connectors", "disable", "crm")

    assert "It is disabled, so they will wait." in outbox("connectors", "backfill", "crm", code=1)
    assert outbox("connectors", "backfill", "crm", "--yes") == "1 delivery made for 'crm'\n"


def test_backfills_at_once_make_each_delivery_once(outbox: Command, sql: Connection, source_database: Database) -> None:
    """Whoever comes second finds the delivery made: lane locks and its key see to it; every lane has one head."""
    del outbox  # its connector is there
    for number in range(60):
        recorded(sql, f"k{number % 7}")
    with source_database.engine.connect() as connection:
        [connector] = load_connectors(connection, SecretBox([]))
    made: list[int] = []

    def run() -> None:
        engine = source_database.make_engine()
        made.extend(backfill(engine, connector, Wanted(), max_bytes=10_000, worker="w", batch=7))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(made) == 60
    rows = waiting(sql)
    assert rows == sorted(rows, key=lambda row: (row[0], row[1]))
    assert sum(bool(ready) for _, _, ready in rows) == 7
    assert sql.execute("SELECT count(*) FROM outbox.decision WHERE reason = 'backfill'").fetchone() == (60,)


def test_backfill_stops_where_the_connector_was_changed(
    outbox: Command, sql: Connection, source_database: Database
) -> None:
    """What was made until then stays and is not made again; a removed connector gets nothing more."""
    for number in range(4):
        recorded(sql, f"k{number}")
    with source_database.engine.connect() as connection:
        [connector] = load_connectors(connection, SecretBox([]))
    batches = backfill(source_database.engine, connector, Wanted(), max_bytes=10_000, worker="w", batch=3)

    assert next(batches) == 3
    outbox("connectors", "edit", "crm", "--max-in-flight", "2")
    with pytest.raises(RefusedError, match="changed or removed meanwhile"):
        next(batches)

    assert outbox("connectors", "backfill", "crm", "--yes") == "1 delivery made for 'crm'\n"
