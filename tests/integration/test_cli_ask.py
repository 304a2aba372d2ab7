"""The commands that ask, run as a user runs them: filters, forms, exit codes, replay's question, doctor's verdict."""

import csv
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from outbox import __version__
from outbox.audit import ATTEMPTS, DELIVERIES, EVENTS
from outbox.cli import run
from outbox.cli.tables import Column, Shape, print_table
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_queued,
    install_source,
    rewrite,
)

SENDS = "what is due is sent by `outbox run`\n"


@pytest.fixture
def db(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection whose every insert stands at once; commands run on the same database."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", database.url)
    monkeypatch.setenv("OUTBOX_CONFIG", str(tmp_path))
    with connect(database) as connection:
        yield connection


class Terminal(io.StringIO):
    """Text that believes it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class Said:
    """What a command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Runs the command, expects the exit code, and returns both outputs, standard output first."""
        came = run(words)
        out, err = self._capsys.readouterr()
        assert came == code, out + err
        return out + err


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs commands."""
    return Said(capsys)


@pytest.fixture
def history(db: Connection) -> tuple[int, int]:
    """A delivered event and a dead one, for connector crm; their ids."""
    crm = insert_connector(db, "crm")
    db.execute("UPDATE outbox.connector SET url = 'https://crm.example/hook'")
    sent, dead = insert_event(db, "k1", "create"), insert_event(db, "k2", changed={"amount": [1, 2]})
    rewrite(db, """UPDATE outbox.event SET document = '{"amount": 12.50}' WHERE id = %s""", (sent,))
    for event, body in ((sent, b'{"a": "\xc3\xbc"}'), (dead, b"\xff")):
        insert_delivery(db, event, crm, body=body)
    insert_attempt(db, sent, crm, response_body=b"thanks, all well")
    insert_attempt(db, dead, crm, outcome="http_error", settled="dead", response_body=b"\xfe")
    return sent, dead


def test_off_a_terminal_the_answer_is_json_with_every_column(history: tuple[int, int], said: Said) -> None:
    """Each command prints an array, newest first, numbers digit for digit."""
    for command, columns in (("events", EVENTS), ("deliveries", DELIVERIES), ("attempts", ATTEMPTS)):
        answers = json.loads(said(command), parse_float=Decimal)
        assert [row["event_id"] for row in answers] == [*reversed(history)]
        assert all(tuple(row) == columns for row in answers)
        if command == "events":
            assert str(answers[1]["document"]["amount"]) == "12.50"


@pytest.mark.usefixtures("history")
def test_bodies_are_text_or_hexadecimal(said: Said) -> None:
    """The exact bytes: as text where they are UTF-8, else as PostgreSQL writes bytes."""
    dead, sent = json.loads(said("attempts", "--format", "json"))

    assert (sent["request_body"], sent["response_body"]) == ('{"a": "ü"}', "thanks, all well")
    assert (dead["request_body"], dead["response_body"]) == ("\\xff", "\\xfe")


@pytest.mark.usefixtures("history")
def test_csv_reads_back(said: Said) -> None:
    """A header, a line a row, JSON as JSON, nothing as nothing."""
    dead, sent = csv.DictReader(io.StringIO(said("events", "--format", "csv")))

    assert (dead["trigger"], json.loads(dead["changed"]), dead["document"]) == (
        "update",
        {"amount": {"old": 1, "new": 2}},
        "",
    )
    assert sent["document"] == '{"amount":12.50}'
    assert dead["occurred_at"].endswith("Z")


@pytest.mark.usefixtures("history")
def test_a_table_is_for_people(said: Said) -> None:
    """One line a row, off a terminal as wide as it needs; nothing found is said."""
    lines = said("deliveries", "--format", "table").splitlines()

    assert ["state" in lines[0], "dead" in lines[2], "delivered" in lines[3]] == [True, True, True]
    assert "HTTP 500" in lines[2]
    assert "amount: 1 -> 2" in said("events", "--format", "table")
    assert said("deliveries", "--contract", "none", "--format", "table") == "no deliveries found\n"
    assert "the newest 1; more with --limit" in said("deliveries", "--limit", "1", "--format", "table")


@pytest.mark.parametrize(
    ("width", "form"), [(200, "beside"), (80, "beside"), (50, "below"), (32, "folded"), (12, "blocks")]
)
def test_a_terminal_cuts_nothing(history: tuple[int, int], width: int, form: str) -> None:
    """Long texts go below their row, names fold, and at last each row is a block: all is there at any width."""
    out = Terminal()
    rows = [{"event_id": event, "connector": "a-long-name-of-a-connector", "error": "why " * 30} for event in history]
    columns = (Column("event", "event_id"), Column("connector", "connector", folds=True))
    shape = Shape("attempts", (*columns, Column("error", "error", long=True)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        print_table(rows, shape, out)
    told = re.sub(r"\x1b\[\d*m", "", out.getvalue())

    assert re.sub(r"\s|why|error:", "", told).count("a-long-name-of-a-connector") == 2
    assert told.count("why") == 60
    assert ("─" in told) == (form != "blocks")
    assert ("error: " in told) == (form in ("below", "folded"))
    assert form == "blocks" or max(map(len, told.splitlines())) <= width


def test_deliveries_fit_eighty_columns(history: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a delivery, its error below: short times, no empty columns, nothing in blocks."""
    del history
    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("events", "deliveries", "attempts"):
        assert run([command]) == 0
    assert run(["timeline", "k2"]) == 0
    told = re.sub(r"\x1b\[\d*m", "", out.getvalue()).splitlines()

    assert max(map(len, told)) <= 80
    assert sum("─" in line for line in told) == 4
    assert any(line.endswith("HTTP 500") for line in told)


def test_filters_narrow(history: tuple[int, int], said: Said) -> None:
    """Every option reaches the question."""
    sent, dead = history
    for words, expected in [
        (["--contract", "k1"], [sent]),
        (["--trigger", "update"], [dead]),
        (["--connector", "crm", "--state", "dead"], [dead]),
        (["--business-unit", "bu1", "--since", "1h"], [dead, sent]),
        (["--event", str(dead)], [dead]),
        (["--until", "2026-01-01"], []),
    ]:
        for command in ("events", "deliveries", "attempts"):
            assert [row["event_id"] for row in json.loads(said(command, *words))] == expected
    assert [row["event_id"] for row in json.loads(said("attempts", "--outcome", "ok"))] == [sent]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--state", "daed"], "--state: expected a known word, got 'daed'; did you mean 'dead'?"),
        (["--trigger", "updated"], "--trigger: expected a known word, got 'updated'; did you mean 'update'?"),
        (["--connector", "crn"], "expected the name of a connector, got 'crn'; did you mean 'crm'?"),
        (["--format", "xml"], "--format: expected a known word, got 'xml'; known: csv, json, table"),
        (["--since", "yesterday"], "--since: expected a moment such as"),
        (["--since", "1h", "--until", "2h"], "--since: expected a moment before --until"),
        (["--limit", "0"], "--limit"),
        (["--stat", "dead"], "--stat"),
    ],
)
@pytest.mark.usefixtures("history")
def test_wrong_words_exit_2_with_a_suggestion(said: Said, words: list[str], expected: str) -> None:
    """What was expected, what came, what was perhaps meant; never an empty answer for a typing mistake."""
    assert expected in said("deliveries", *words, code=2)


@pytest.mark.usefixtures("history")
def test_every_fault_is_told_at_once(said: Said) -> None:
    """Two mistakes, two lines."""
    told = said("deliveries", "--state", "daed", "--since", "never", code=2)

    assert len(told.splitlines()) == 2


def test_the_timeline_of_a_contract(history: tuple[int, int], said: Said) -> None:
    """In order, in words."""
    happened = json.loads(said("timeline", "k2"))

    assert [(one["what"], one["event_id"]) for one in happened] == [("event", history[1]), ("attempt", history[1])]
    assert "amount 1 -> 2" in said("timeline", "k2", "--format", "table")


def insert_worker(db: Connection, name: str) -> None:
    """A daemon of this version that has just given a sign of life."""
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES (%s, 'host', 1, %s, 'requests')",
        (name, __version__),
    )


def queued(db: Connection) -> list[tuple[object, ...]]:
    """The queue's events."""
    return db.execute("SELECT event_id FROM outbox.queue ORDER BY event_id").fetchall()


def test_replay_of_one_delivery(db: Connection, history: tuple[int, int], said: Said) -> None:
    """Says what it does; asks nobody with --yes; the second time there is nothing to do."""
    event = str(history[0])

    assert said("replay", event, "crm", "--yes") == f"event {event} to crm: is due again\n{SENDS}"
    assert "is due already" in said("replay", event, "crm", "--yes")
    assert queued(db) == [(history[0],)]


def test_replay_of_a_filter_takes_the_dead_unless_told_otherwise(
    db: Connection, history: tuple[int, int], said: Said
) -> None:
    """How many, for whom, and what became of them; delivered ones only when asked for by name."""
    told = said("replay", "--connector", "crm", "--yes")

    assert told.startswith("1 delivery dead:\n        1  crm: due again\n")
    assert told.endswith(SENDS)
    assert queued(db) == [(history[1],)]
    assert "no dead delivery found" in said("replay", "--contract", "k1", "--yes")
    said("replay", "--state", "delivered", "--yes")
    assert queued(db) == [(one,) for one in history]


def test_replay_asks_first(db: Connection, history: tuple[int, int], said: Said) -> None:
    """Without --yes and without anybody to ask, nothing is done."""
    for words in (["--connector", "crm"], [str(history[0]), "crm"]):
        told = said("replay", *words, code=1)
        assert "1 delivery" in told
        assert "say --yes" in told
    assert queued(db) == []


def test_replay_refuses_with_the_reason(db: Connection, history: tuple[int, int], said: Said) -> None:
    """A disabled connector: exit 1, and what to do first; of one delivery and of a filter."""
    disable_connector(db, 1)

    assert "enable it with `outbox connectors enable`" in said("replay", str(history[0]), "crm", "--yes", code=1)
    assert "none of them can be replayed" in said("replay", "--state", "dead", "--yes", code=1)
    assert queued(db) == []


@pytest.mark.parametrize("words", [[], ["1"], ["1", "crm", "--state", "dead"], ["one", "crm"]])
@pytest.mark.usefixtures("history")
def test_replay_needs_a_delivery_or_a_filter(said: Said, words: list[str]) -> None:
    """Neither, half of it, or both: wrong usage."""
    assert said("replay", *words, "--yes", code=2)


def test_replay_brings_a_blocked_deliverys_lane_forward(db: Connection, said: Said) -> None:
    """The words name the head that is due now."""
    crm = insert_connector(db)
    head, blocked = insert_event(db), insert_event(db)
    for event in (head, blocked):
        insert_delivery(db, event, crm)
        insert_queued(db, event, crm, due_in=3600, ready=event == head)

    assert f"waits behind event {head} of the same contract" in said("replay", str(blocked), "crm", "--yes")


@pytest.mark.usefixtures("db")
def test_doctor_exits_1_for_a_fault_and_says_the_mend(said: Said) -> None:
    """A line a finding; with --json the same for machines."""
    told = said("doctor", code=1)
    findings = json.loads(said("doctor", "--json", code=1))

    assert "fault    source" in told
    assert "-> write source.toml, then `outbox install`" in told
    assert told.splitlines()[-1].endswith("ok")
    assert {tuple(one) for one in findings} == {("level", "name", "words", "mend")}


def test_doctor_exits_0_with_warnings_alone(database: Database, db: Connection, said: Said) -> None:
    """Installed and alive without a connector: a warning, and well."""
    install_source(database)
    insert_worker(db, "w")

    assert "Well, but look: 0 faults, 1 warning" in said("doctor")
    assert "0 faults, 1 warning" in said("doctor", "--strict", code=1)


def test_doctor_wraps_for_the_terminal_and_keeps_commands_whole(
    db: Connection, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sections, no line wider than the terminal, no word changed, commands copied from one line; the verdict last."""
    insert_worker(db, "far.example.com:1234:abc")
    dead, crm = insert_event(db), insert_connector(db)
    insert_delivery(db, dead, crm)
    insert_attempt(db, dead, crm, outcome="timeout", settled="dead")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", said("doctor", code=1)).splitlines()

    assert [line for line in lines if line[0] != " "][:-1] == ["Database", "Capture", "Delivery", "Daemons", "Storage"]
    assert max(map(len, lines)) <= 80
    assert any("far.example.com:1234:abc seen" in line for line in lines)
    assert any("`outbox replay --connector crm --state dead --since 24h`" in line for line in lines)
    assert lines[-1].startswith("Not well: 1 fault, 1 warning, ")


@pytest.mark.usefixtures("db")
def test_doctor_without_a_database_says_so(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, one fault, the mend."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    assert "expected an answer from the database" in said("doctor", code=1)
