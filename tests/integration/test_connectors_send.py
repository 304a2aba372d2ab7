"""Trying a connector out: one report through the real sender."""

import json
from collections.abc import Iterator

import pytest

from outbox.secret_box import make_key
from tests.command import Command
from tests.connectors import recorded
from tests.factories import Connection
from tests.receiver import Answer, Receiver, receiver
from tests.transports import TRANSPORTS


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """The connector's receiver."""
    with receiver() as running:
        yield running


@pytest.fixture
def outbox(command_line: Command, crm: Receiver, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with the connector crm: unit 1, create and update, one company field, a secret."""
    monkeypatch.setenv("HUSH", "hush-hush")
    command_line(
        "connectors", "add", "crm", "--business-unit", "1", "--trigger", "create", "--trigger", "update",
        "--url", f"{crm.url}/crm", "--company-field", "vat", "--secret-env", "HUSH",
    )  # fmt: skip
    return command_line


def test_a_test_sends_the_newest_event_and_is_on_record(outbox: Command, sql: Connection, crm: Receiver) -> None:
    """Under an id of its own, through the real sender, as kind `test`; what is printed holds no secret."""
    recorded(sql, "k1")
    newest = recorded(sql, "k2")
    recorded(sql, "k3", "send")
    recorded(sql, "k4", business_unit="2")

    shown = outbox("connectors", "test", "crm", "--as", "ada")

    [got] = crm.received
    report = json.loads(got.body)
    assert (report["contract_id"], report["contract"]["title"]) == ("k2", "First")
    assert report["company"] == {"id": "7", "name": "ACME", "vat": "DE123"}
    assert report["id"] > newest
    assert got.headers["authorization"].startswith("Basic ")
    assert f"(as event {newest})" in shown
    assert f"POST {crm.url}/crm" in shown
    assert "HTTP 200 (ok)" in shown
    assert got.body.decode() in shown
    assert "Authorization: [redacted]" in shown
    assert "hush" not in shown
    rows = sql.execute(
        "SELECT d.event_id, d.kind, a.kind, a.number, a.outcome, a.status_code, a.worker, a.settled, d.body"
        " FROM outbox.delivery d JOIN outbox.attempt a USING (event_id, connector_id)"
    ).fetchall()
    assert rows == [(report["id"], "test", "test", 1, "ok", 200, "ada", None, got.body)]
    assert sql.execute("SELECT count(*) FROM outbox.queue").fetchone() == (0,)
    assert sql.execute("SELECT count(*) FROM outbox_audit.deliveries").fetchone() == (0,)


def test_without_an_event_a_test_sends_a_sample_that_says_so(outbox: Command, sql: Connection, crm: Receiver) -> None:
    """Nobody can take it for a contract; its mapped fields are there, empty."""
    outbox("connectors", "edit", "crm", "--map", "amount=DealValue")

    shown = outbox("connectors", "test", "crm")

    report = json.loads(crm.received[0].body)
    assert "a made-up sample, no event fits" in shown
    assert (report["contract_id"], report["status"], report["business_unit"]) == ("sample", "sample", "1")
    assert report["contract"] == {"title": "A sample, sent to test this connector; no such contract exists"}
    assert report["DealValue"] is None
    assert sql.execute("SELECT count(*) FROM outbox.event").fetchone() == (0,)


def test_a_test_that_is_not_2xx_fails(outbox: Command, sql: Connection, crm: Receiver) -> None:
    """Exit code 1, the answer shown and recorded, secrets that it echoes taken out; the connector stays as it is."""
    crm.answer = lambda got: Answer(status=410, body=b"you are " + got.headers["authorization"].encode())

    shown = outbox("connectors", "test", "crm", code=1)

    assert "HTTP 410 (http_error)" in shown
    assert "you are" in shown
    assert "Basic aH" not in shown
    rows = sql.execute(
        "SELECT outcome, status_code, convert_from(response_body, 'UTF8') FROM outbox.attempt"
    ).fetchall()
    assert [row[:2] for row in rows] == [("http_error", 410)]
    assert "Basic" not in str(rows)
    assert sql.execute("SELECT enabled FROM outbox.connector").fetchone() == (True,)


def test_a_test_without_an_answer_says_why(outbox: Command, crm: Receiver, sql: Connection) -> None:
    """A closed port, an address that is not allowed: the outcome and words."""
    crm.close()
    assert "no answer (connect)" in outbox("connectors", "test", "crm", code=1)
    outbox("connectors", "edit", "crm", "--url", "http://10.0.0.1/x")
    assert "no answer (blocked)" in outbox("connectors", "test", "crm", code=1)
    assert sql.execute("SELECT outcome FROM outbox.attempt ORDER BY event_id").fetchall() == [
        ("connect",),
        ("blocked",),
    ]


def test_a_test_with_an_unopened_secret_is_refused(
    outbox: Command, monkeypatch: pytest.MonkeyPatch, crm: Receiver
) -> None:
    """A test without the secret would tell nothing."""
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", make_key())

    assert "its secret can't be opened with the keys at hand" in outbox("connectors", "test", "crm", code=1)
    assert crm.received == []


@pytest.fixture(params=TRANSPORTS)
def guarded(outbox: Command, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Command:
    """The command by each transport, where no private network is open."""
    monkeypatch.setenv("OUTBOX_SENDER_TRANSPORT", request.param)
    monkeypatch.setenv("OUTBOX_SENDER_ALLOW_NETWORKS", "")
    return outbox


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254"]
)
def test_a_test_is_no_way_round_the_guard(guarded: Command, crm: Receiver, sql: Connection, host: str) -> None:
    """Trying a connector out opens no address that sending would not, and is on record as blocked."""
    guarded("connectors", "edit", "crm", "--url", f"http://{host}:{crm.url.rpartition(':')[2]}/crm")

    shown = guarded("connectors", "test", "crm", code=1)

    assert "no answer (blocked)" in shown
    assert "sender.allow_networks" in shown
    assert sql.execute("SELECT outcome, error_code FROM outbox.attempt").fetchall() == [("blocked", "address_refused")]
    assert crm.received == []
