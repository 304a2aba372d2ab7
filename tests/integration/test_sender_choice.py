"""Which transport the settings choose, and what they tell it."""

import json
import sys
from pathlib import Path

import pytest

from outbox.errors import ConfigurationError
from outbox.sender import Transport, make_transport
from outbox.settings import Sender
from tests.command import Command
from tests.conftest import Database
from tests.daemons import daemon
from tests.factories import Connection
from tests.program import program
from tests.scripted import ScriptedReceiver, answer, answering
from tests.transports import LOOPBACK, TRANSPORTS, MakeTransport, post


@pytest.fixture
def without_pycurl(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where PycURL is not installed."""
    for module in ("outbox.sender.curl_transport", "outbox.sender.curl_connection", "outbox.sender.curl_failures"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "pycurl", None)


def chosen(word: str) -> str:
    """The name of the transport that the setting makes."""
    transport = make_transport(Sender.model_validate({"transport": word}))
    transport.close()
    return transport.name


def test_auto_is_curl_where_it_is_installed() -> None:
    """The faster one, unless a person says otherwise."""
    assert [chosen(word) for word in ("auto", "curl", "requests")] == ["curl", "curl", "requests"]


@pytest.mark.usefixtures("without_pycurl")
def test_auto_is_requests_elsewhere() -> None:
    """Nothing is needed beside what is always installed."""
    assert [chosen(word) for word in ("auto", "requests")] == ["requests", "requests"]


@pytest.mark.usefixtures("without_pycurl")
def test_curl_where_it_is_not_installed_is_a_configuration_error(
    command_line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was told to use it does not start with another: exit code 2, and what to install."""
    monkeypatch.setenv("OUTBOX_SENDER_TRANSPORT", "curl")

    shown = command_line("run", "--once", code=2)

    assert "sender.transport: expected PycURL for 'curl'" in shown
    assert "install contract-outbox[curl]" in shown


@pytest.mark.parametrize("word", TRANSPORTS)
def test_settings_reach_the_transport(word: str) -> None:
    """Networks and cap come from the settings, and their faults are told at once."""
    transport = make_transport(
        Sender.model_validate({"transport": word, "max_response_bytes": 3} | {"allow_networks": LOOPBACK})
    )
    with ScriptedReceiver(answering(answer(body=b"12345"))) as receiver:
        response = transport.send(post(receiver.url))
    transport.close()

    assert (transport.name, response.body, response.cut) == (word, b"123", True)
    with pytest.raises(ConfigurationError, match="allow_networks"):
        TRANSPORTS[word](allow_networks=("everything",))


def test_a_closed_transport_holds_no_file_open(make_transport: MakeTransport, transport: Transport) -> None:
    """Connections and what stands behind them are given back."""

    def opened() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    transport.send(post("http://127.0.0.1:9/"))
    transport.close()
    with ScriptedReceiver(answering(answer())) as one, ScriptedReceiver(answering(answer())) as other:
        before = opened()
        second = make_transport()
        for receiver in (one, other, one):
            second.send(post(receiver.url))
        second.close()
        one.close()
        other.close()

    assert opened() <= before


@pytest.mark.parametrize("word", TRANSPORTS)
def test_a_worker_says_which_transport_it_uses(
    source_database: Database, sql: Connection, tmp_path: Path, word: str
) -> None:
    """At start, in its log and in its row."""
    with daemon(program(tmp_path, source_database.url, SENDER_TRANSPORT=word, LOG_FORMAT="json"), sql):
        kept = sql.execute("SELECT transport FROM outbox.worker").fetchall()
    (started,) = [line for line in (tmp_path / "outbox.log").read_text().splitlines() if '"started"' in line]

    assert (kept, json.loads(started)["transport"]) == ([(word,)], word)
