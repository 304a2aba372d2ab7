"""What an auditor's login can ask: it reads the views of outbox_audit, and nothing beside them."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from outbox.resources import folder
from outbox.secret_box import make_key
from tests.command import Command, command
from tests.factories import insert_attempt, insert_connector, insert_delivery, insert_event, insert_queued
from tests.logins import Logins, logins
from tests.postgres import Server

ERROR = "INSERT INTO outbox.capture_error (rule, sqlstate, message, contract_id) VALUES ('r', '42703', 'm', 'k1')"
REPLAY = "INSERT INTO outbox.replay (event_id, connector_id, verdict, asked_by) VALUES (%s, %s, 'again', 'eve')"
VERSION = (
    "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by)"
    " VALUES (%s, 1, 'create', '{}', 'ada')"
)


@pytest.fixture(scope="module")
def made(server: Server, template: str) -> Iterator[Logins]:
    """A database of four logins with a mapping installed; one report delivered and replayed, one that waits."""
    name = "audited"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as dba:
        dba.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    with logins(server, name) as found:
        found.install()
        with found.connect() as dba:
            crm = insert_connector(dba)
            dba.execute(VERSION.encode(), (crm,))
            sent, waiting = insert_event(dba), insert_event(dba)
            for event in (sent, waiting):
                insert_delivery(dba, event, crm)
            insert_attempt(dba, sent, crm)
            insert_attempt(dba, sent, crm, 2, kind="replay")
            dba.execute(REPLAY.encode(), (sent, crm))
            insert_queued(dba, waiting, crm)
            dba.execute(ERROR.encode())
        yield found
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as dba:
        dba.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def outbox(
    made: Logins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command, with the auditor's login."""
    return command(tmp_path, made.url("auditor"), keys=make_key(), monkeypatch=monkeypatch, capsys=capsys)


ASKED = (
    ("ask contract-story --contract k1", ('"what":"waiting"', '"words":"r: m"')),
    ("ask never-confirmed --connector crm", ('"state":"pending"',)),
    ("ask proof --event 1 --connector crm", ("Confirmed.", "eve asked for a replay", "(as ada left it at ")),
    ("ask slowest-receivers", ('"connector":"crm","attempts":2,"failed":0',)),
    ("ask why-not --event 2 --connector crm", ("not tried yet",)),
    ("events --business-unit bu1", ('"contract_id":"k1"',)),
)


@pytest.mark.parametrize(("words", "told"), ASKED)
def test_history_is_asked_by_an_auditor(outbox: Command, words: str, told: tuple[str, ...]) -> None:
    """Each of these reads the views alone, and is answered whole."""
    answered = outbox(*words.split())

    assert [one for one in told if one not in answered] == []


def test_what_reads_the_source_is_refused_in_words(outbox: Command) -> None:
    """With what to do about it."""
    for question in ("differs", "would-have-sent"):
        assert "ask as a member of outbox_relay" in outbox("ask", question, "--connector", "crm", code=1)


def test_each_question_is_answered_or_refused() -> None:
    """Whoever adds a question says here what an auditor is told."""
    ours = {path.stem for path in (folder("sql") / "audit" / "questions").glob("*.sql")}

    assert ours == {words.split()[1] for words, _ in ASKED if words.startswith("ask")} | {"differs", "would-have-sent"}


def test_a_name_that_can_not_be_read_is_taken_as_an_id(outbox: Command) -> None:
    """And said so where nothing is found: never an empty answer for a name. What a connector reports for is an id."""
    told = "names can't be read with this role; it was taken as an id"

    assert told in outbox("events", "--business-unit", "North", code=2)
    assert outbox("events", "--business-unit", "bu1", "--until", "2020-01-01").split() == ["[", "]"]
