"""The proof of delivery: what the page says, that its own instructions give its hash, that it loads nothing."""

import hashlib
import html
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.command import Command
from tests.factories import Connection, insert_attempt, insert_delivery, insert_event
from tests.receiver import Answer, Received, Receiver, receiver

EVIL = """<script>alert(1)</script><img src=x onerror=alert(1)>"'&{{ 7 * 7 }}\u202e"""


class Page(HTMLParser):
    """A page's elements and words."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(written)
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.tags.append((tag, dict(attrs)))
        self.words += " " * (tag in ("td", "th", "tr", "p", "h1", "h2", "pre"))

    def handle_data(self, data: str) -> None:
        """Words."""
        self.words += data


def answering(got: Received) -> Answer:
    """Refuses the first attempt of each report, with a page and headers of an attacker's."""
    if got.headers["outbox-attempt"] == "1":
        return Answer(503, {"x-trap": "<b onclick=alert(1)>"}, EVIL.encode())
    return Answer(202, {"content-type": "application/json"}, b'{"ticket":"T-1"}')


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver that accepts at the second attempt."""
    with receiver(answering) as running:
        yield running


@pytest.fixture
def outbox(command_line: Command, crm: Receiver, sql: Connection, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with a connector whose name and contract are traps, and two reports delivered."""
    monkeypatch.setenv("HUSH", "planted-secret")
    command_line(
        "connectors", "add", "<i>crm</i> & Söhne", "--business-unit", "1", "--trigger", "create", "--trigger", "update",
        "--url", crm.url + "/in", "--schedule", "0s", "--secret-env", "HUSH", "--as", "ada",
    )  # fmt: skip
    sql.execute("INSERT INTO contract VALUES ('k<1>', 1, 7, 'draft', %s, 12.50)", (EVIL,))
    sql.execute("UPDATE contract SET amount = 1300.00")
    for _ in range(2):
        command_line("run", "--once")
    return command_line


def proof(outbox: Command, *words: str, code: int = 0) -> str:
    """The page for the connector."""
    return outbox("ask", "proof", "--connector", "<i>crm</i> & Söhne", *words, code=code)


def test_the_page_proves_what_was_sent(outbox: Command, crm: Receiver) -> None:
    """What, when in both zones, bytes, hash, headers, answer, every attempt, webhook-id, versions, URL."""
    page = Page(proof(outbox, "--contract", "k<1>", "--zone", "Asia/Kathmandu"))
    bodies = {got.headers["webhook-id"]: got.body for got in crm.received}

    assert "Proof of delivery" in page.words
    assert "2, of which 2 confirmed" in page.words
    for event, trigger in ((1, "create"), (2, "update")):
        body = bodies[f"dlv_{event}_1"]
        assert f"Report {event} of 2: {trigger}, event {event}" in page.words
        assert f"dlv_{event}_1" in page.words
        assert hashlib.sha256(body).hexdigest() in page.words
        assert f"{len(body):,} bytes" in page.words
        assert '"amount": 1' in page.words
    assert page.words.count("Confirmed. The receiver answered HTTP 202 to attempt 2") == 2
    assert re.search(r"complete at [\d :.-]+ UTC = [\d :.-]+ \(\+05:45\)", page.words)
    assert "http_error, HTTP 503" in page.words
    assert '{"ticket":"T-1"}' in page.words
    assert f"POST {crm.url}/in" in page.words
    assert "Authorization [redacted]" in page.words
    assert "planted-secret" not in page.words
    assert "with version 1 of the connector (as ada left it at " in page.words
    assert "Provider BU (1)" in page.words
    assert "contract-outbox 0.1.0, as database role" in page.words


def test_its_own_instructions_give_the_hash(outbox: Command, crm: Receiver, tmp_path: Path) -> None:
    """The command that the page names, typed as it stands, prints the hash that it names: of the bytes that came."""
    file = tmp_path / "proof.html"
    assert proof(outbox, "--contract", "k<1>", "--output", str(file)).strip() == f"wrote {file}"
    written = file.read_text(encoding="utf-8")
    commands = [html.unescape(one) for one in re.findall(r'<pre class="check">(.*?)</pre>', written, re.DOTALL)]

    assert len(commands) == 2
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
        identity = re.search(r"bytes-(dlv_\d+_\d+)", command)
        assert identity is not None
        body = next(got.body for got in crm.received if got.headers["webhook-id"] == identity[1])
        assert done.stdout.split()[0] == hashlib.sha256(body).hexdigest()
        assert f"it must print <code>{hashlib.sha256(body).hexdigest()}</code>" in written


def test_the_page_loads_and_runs_nothing(outbox: Command) -> None:
    """No script, no address but its own anchors, whatever stands in names, bodies, headers and answers."""
    written = proof(outbox, "--contract", "k<1>")
    page = Page(written)

    assert {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object", "form", "i", "b"} == set()
    attributes = [(name, value or "") for _, named in page.tags for name, value in named.items()]
    assert [value for name, value in attributes if name in ("src", "href") and not value.startswith("#")] == []
    assert [name for name, _ in attributes if name.startswith("on")] == []
    assert "default-src 'none'" in written
    assert "url(" not in written
    assert "{{ 7 * 7 }}" in page.words
    assert "\u202e" not in page.words
    assert "⟨U+202E⟩" in page.words
    assert '<script>alert(1)</script><img src=x onerror=alert(1)>"' in page.words


def test_what_is_not_confirmed_is_called_so(outbox: Command, crm: Receiver, sql: Connection) -> None:
    """One report of an event alone, refused: a record, and no proof."""
    crm.answer = lambda _: Answer(500)
    sql.execute("UPDATE contract SET amount = 1")
    for _ in range(3):
        outbox("run", "--once")

    page = Page(proof(outbox, "--event", "3"))

    assert "Record of delivery Event 3 of contract k<1>" in page.words
    assert "Not confirmed. State of this delivery: dead, after 2 attempts. Last error: " in page.words
    assert "Confirmed." not in page.words
    assert "Report 1 of 1" in page.words


def test_what_was_answered_too_late_is_called_so(outbox: Command, sql: Connection) -> None:
    """The receiver accepted it: neither confirmed by the page's own words, nor not confirmed."""
    event = insert_event(sql, "k2", business_unit="1")
    insert_delivery(sql, event, 1)
    insert_attempt(sql, event, 1, outcome="lost", status_code=None, duration_ms=None)
    at = "2026-03-01 10:00Z"
    insert_attempt(sql, event, 1, outcome="late", error_code="ok", status_code=201, started_at=at, duration_ms=30_000)
    insert_attempt(sql, event, 1, 2, outcome="timeout", status_code=None, settled="dead")

    page = Page(proof(outbox, "--event", str(event)))

    assert "Record of delivery" in page.words
    assert "Answered HTTP 201 at 2026-03-01 10:00:30.000 UTC, after the attempt was given up." in page.words
    assert "of which 0 confirmed, 1 answered too late" in page.words
    assert "Not confirmed." not in page.words

    insert_attempt(sql, event, 1, 3, kind="replay")
    assert "Confirmed. The receiver answered HTTP 200 to attempt 3" in Page(proof(outbox, "--event", str(event))).words


def test_bytes_that_were_erased_are_called_so(outbox: Command, sql: Connection) -> None:
    """The attempts stay on record, the bytes don't, and there is no hash to check."""
    erased = insert_event(sql, "k2", business_unit="1")
    insert_delivery(sql, erased, 1, body=None)
    insert_attempt(sql, erased, 1)

    page = Page(proof(outbox, "--event", str(erased)))

    assert "The bytes are not on record" in page.words
    assert "Confirmed. The receiver answered HTTP 200" in page.words
    assert "To check the hash" not in page.words


def test_a_replay_is_told_with_who_asked(outbox: Command) -> None:
    """It stands in the chain, and the first confirmation stays the one that counts."""
    outbox("replay", "1", "<i>crm</i> & Söhne", "--yes", "--as", "eve")
    outbox("run", "--once")

    page = Page(proof(outbox, "--event", "1"))

    assert "eve asked for a replay at " in page.words
    assert "HTTP 202 to attempt 2" in page.words
    assert "3 replay " in page.words


def test_a_file_that_can_not_be_written_is_refused(outbox: Command, tmp_path: Path) -> None:
    """With the system's reason."""
    told = proof(outbox, "--event", "1", "--output", str(tmp_path / "no" / "p.html"), code=2)

    assert "--output: expected a file that can be written" in told
