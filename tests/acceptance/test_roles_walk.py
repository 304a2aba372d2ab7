"""The whole walk with a login for each role: none has more than its own right, and each has enough."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from outbox.embedded import binaries
from outbox.secret_box import make_key
from tests.command import command
from tests.conftest import Database
from tests.logins import Logins
from tests.postgres import DEFAULT_VERSION
from tests.program import program
from tests.receiver import Answer, Receiver, receiver

WORD = "Zaphod Beeblebrox"

SOURCE = """
[contract]
query = "SELECT id AS contract_id, unit AS business_unit, status, title FROM public.contract"

[business_unit]
query = "SELECT id AS business_unit, name FROM public.unit"

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
"""

CONNECTORS = """
[[connector]]
name = "crm"
business_units = ["North"]
triggers = ["create", "update"]
url = "{url}/crm"
"""


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver that says back what it got, as some do."""
    with receiver() as running:
        running.answer = lambda got: Answer(body=got.body)
        yield running


@dataclass(frozen=True)
class Walk:
    """The logins, and the command as each of them gives it."""

    logins: Logins
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]
    keys: str

    def __call__(self, login: str, *words: str, code: int = 0) -> str:
        """Runs a command as that login, in this process."""
        outbox = command(
            self.folder, self.logins.url(login), keys=self.keys, monkeypatch=self.monkeypatch, capsys=self.captured
        )
        return outbox(*words, code=code)

    def run(self, login: str) -> None:
        """Routes and sends all that is due, as a process of its own."""
        program(self.folder, self.logins.url(login), SECRET_KEYS=self.keys)("run", "--once")


@pytest.fixture
def walk(
    empty_database: Database,
    crm: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Walk]:
    """An empty database that a DBA prepares, and the configuration."""
    (tmp_path / "source.toml").write_text(SOURCE)
    (tmp_path / "connectors.toml").write_text(CONNECTORS.format(url=crm.url))
    made = Logins(empty_database.server, empty_database.name)
    outbox = Walk(made, tmp_path, monkeypatch, capsys, make_key())
    said = outbox("postgres", "migrate", "--roles")
    assert "outbox_owner, outbox_relay, outbox_auditor, outbox_eraser, outbox_web have their rights" in said
    assert "grant outbox_owner what it needs on the application's tables" in said
    made.prepare()
    yield outbox
    made.drop()


def dumped(made: Logins) -> str:
    """Schema outbox with all that is in it, by PostgreSQL's own pg_dump."""
    command = [str(binaries(DEFAULT_VERSION) / "pg_dump"), "--schema=outbox", "--schema=outbox_audit"]
    url = str(made.server.url(database=made.name))
    return subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout


def planted(text: str) -> int:
    """How often the word stands in it, as text or as bytes."""
    return text.count(WORD) + text.count(WORD.encode().hex())


def test_each_login_does_its_part(walk: Walk, crm: Receiver) -> None:
    """The owner migrates and installs, the relay configures and runs, the auditor asks, the eraser erases."""
    made = walk.logins
    assert "nothing to do" in walk("deployer", "migrate")
    assert "captured from now on: public.contract" in walk("deployer", "install", "--yes")
    walk("worker", "connectors", "apply", "--yes")
    with made.connect("application") as application:
        application.execute("INSERT INTO public.contract VALUES (1, 'bu1', 'draft', %s)", (WORD,))
        application.execute("UPDATE public.contract SET status = 'sent'")
    walk.run("worker")
    assert [WORD.encode() in got.body for got in crm.received] == [True, True]
    walk("worker", "connectors", "test", "crm")
    walk("worker", "replay", "--connector", "crm", "--state", "delivered", "--yes")
    assert "capture triggers stand as installed" in walk("worker", "doctor", code=1)  # 1: no daemon runs
    with made.connect("auditor") as auditor:
        asked = "SELECT outcome, strpos(response_text, %s) > 0 FROM outbox_audit.attempts"
        assert auditor.execute(asked, (WORD,)).fetchall() == [("ok", True)] * 3
    told = walk("auditor", "deliveries", "--business-unit", "bu1", "--contract", "1", "--format", "csv")
    assert len(told.splitlines()) == 3, told
    assert planted(dumped(made)) > 0

    said = walk("eraser", "erase", "--contract", "1", "--reason", "request 17", "--as", "the officer", "--yes")

    assert "2 deliveries cancelled" in said
    assert planted(dumped(made)) == 0
    walk.run("worker")
    assert len(crm.received) == 3  # two reports and the test
    with made.connect("auditor") as auditor:
        asked = "SELECT contract_id, erased_by, login, reason FROM outbox_audit.erasures"
        assert auditor.execute(asked).fetchall() == [("1", "the officer", made.user("eraser"), "request 17")]
        states = auditor.execute("SELECT DISTINCT state FROM outbox_audit.deliveries").fetchall()
    assert states == [("delivered",)]
    assert "its report was erased" in walk("worker", "replay", "1", "crm", "--yes", code=1)


def test_who_may_not_is_told(walk: Walk) -> None:
    """Another role's command fails with PostgreSQL's sentence and no traceback."""
    for login, words in (
        ("worker", "install --yes"),
        ("worker", "migrate"),
        ("worker", "erase --contract 1 --reason none --yes"),
        ("eraser", "connectors apply --yes"),
        ("auditor", "run --once"),
    ):
        assert "permission denied" in walk(login, *words.split(), code=1)
