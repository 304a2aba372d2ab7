"""Named questions, asked as a user asks them: what each finds, what it must not, and what is refused."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outbox.questions import ANSWERERS, PAGES
from outbox.resources import folder
from tests.command import Command
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    insert_attempt,
    insert_connector,
    insert_decision,
    insert_delivery,
    insert_event,
    insert_note,
    insert_open,
    insert_queued,
)

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "questions.md"


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def outbox(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command, with a configuration folder of the test's own."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", database.url)
    return Command(tmp_path, capsys)


def asked(outbox: Command, *words: str) -> list[dict[str, Any]]:
    """The rows of an answer."""
    rows: list[dict[str, Any]] = json.loads(outbox("ask", *words))
    return rows


def own(outbox: Command, name: str, text: str) -> None:
    """Puts a question into the configuration folder."""
    (outbox.folder / "questions").mkdir(exist_ok=True)
    (outbox.folder / "questions" / f"{name}.sql").write_text(text, encoding="utf-8")


def test_the_list_names_every_question(outbox: Command) -> None:
    """Ours and the operator's, with what each asks and needs; one that can't be asked says why."""
    own(outbox, "mine", "-- How many?\nSELECT count(*) AS events FROM outbox_audit.events")
    own(outbox, "broken", "SELECT 1")
    own(outbox, "proof", "-- Taken?\nSELECT 1")

    listed = {row["question"]: row for row in asked(outbox)}

    ours = {path.stem for path in (folder("sql") / "audit" / "questions").glob("*.sql")}
    assert {name for name, row in listed.items() if row["from"] == "outbox"} == ours
    assert listed["why-not"]["parameters"] == "--event NUMBER --connector NAME"
    assert (listed["mine"]["asks"], listed["mine"]["from"]) == ("How many?", "questions")
    assert "expected a first comment" in listed["broken"]["asks"]
    assert "expected a name of its own" in listed["proof.sql"]["asks"]
    assert "What has this receiver never confirmed?" in outbox("ask", "--help")


def test_every_answerer_has_its_question() -> None:
    """Python beside a statement, never without one."""
    ours = {path.stem for path in (folder("sql") / "audit" / "questions").glob("*.sql")}

    assert set(ANSWERERS) <= ours
    assert set(ANSWERERS) >= PAGES


WRONG = (
    (("never-confirmed",), "Missing option '--connector'"),
    (("never-confirmed", "--conector", "crm"), "--connector"),
    (("never-confirmd", "--connector", "crm"), "never-confirmed"),
    (("never-confirmed", "--connector", "crn"), "expected the name of a connector, got 'crn'; did you mean 'crm'?"),
    (("never-confirmed", "--connector", "crm", "--since", "soon"), "--since: expected a moment such as"),
    (
        ("never-confirmed", "--connector", "crm", "--since", "1d", "--until", "2d"),
        "--since: expected a moment before",
    ),
    (("why-not", "--connector", "crm", "--event", "one"), "--event: expected a whole number, got 'one'"),
    (("why-not", "--connector", "crm", "--event", "99"), "--event: expected the id of a recorded event, got 99"),
    (("proof", "--connector", "crm"), "--contract, --event: expected one of them"),
    (("proof", "--connector", "crm", "--event", "99"), "got no delivery for this connector"),
    (("proof", "--connector", "crm", "--event", "1", "--zone", "Europe/Zurick"), "did you mean 'Europe/Zurich'?"),
    (("broken",), "question broken: expected a first comment"),
)


def test_wrong_words_are_refused_with_what_was_expected(db: Connection, outbox: Command) -> None:
    """Exit code 2, and the nearest known word."""
    insert_connector(db, "crm")
    own(outbox, "broken", "SELECT 1")

    for words, answer in WRONG:
        assert answer in outbox("ask", *words, code=2)


def test_every_fault_is_told_at_once(db: Connection, outbox: Command) -> None:
    """Two wrong values are two lines."""
    insert_connector(db, "crm")

    told = outbox("ask", "why-not", "--connector", "nobody", "--event", "x", code=2)

    assert "--event: " in told
    assert "--connector: " in told


def test_help_says_what_is_asked_and_needed(outbox: Command) -> None:
    """From the file alone: words, types, defaults."""
    told = outbox("ask", "slowest-receivers", "--help")

    assert "Which receivers are the slowest?" in told
    assert "--since MOMENT" in told
    assert "[default: 7d]" in told


def test_an_own_question_is_asked_like_ours(db: Connection, outbox: Command) -> None:
    """Parameters of every type, in every form, with each digit; a table names moments' zone."""
    insert_event(db, "k1")
    text = """-- Which events?
      -- param contract (text): whose
      -- param from (moment, default 1d): from this moment on
      -- param unit (business unit, optional): whose
      -- param trigger (trigger, default update): of this one
      -- param least (number, default 0): at least this id
      -- param bare (flag): no document
      SELECT event_id, occurred_at, CAST('{"a": 1.10}' AS jsonb) AS doc, interval '1 day' AS span,
             CAST('NaN' AS float) AS nan
      FROM outbox_audit.events
      WHERE contract_id = :contract AND occurred_at >= :from AND trigger = :trigger AND event_id >= :least AND NOT :bare
        AND (CAST(:unit AS text) IS NULL OR business_unit = :unit)""".replace("      --", "--")
    own(outbox, "mine", text)

    told = outbox("ask", "mine", "--contract", "k1", "--unit", "bu1")
    (row,) = csv.DictReader(io.StringIO(outbox("ask", "mine", "--contract", "k1", "--format", "csv")))

    assert '"doc":{"a":1.10},"span":"1 day, 0:00:00","nan":"nan"' in told
    assert (row["event_id"], row["doc"]) == ("1", '{"a":1.10}')
    assert "occurred at (UTC)" in outbox("ask", "mine", "--contract", "k1", "--format", "table")
    assert asked(outbox, "mine", "--contract", "k2") == asked(outbox, "mine", "--contract", "k1", "--bare") == []
    assert "expected a trigger, got 'updat'; did you mean 'update'?" in outbox(
        "ask", "mine", "--contract", "k1", "--trigger", "updat", code=2
    )


def test_the_example_of_the_manual_is_a_question(db: Connection, outbox: Command) -> None:
    """docs/questions.md says how to write one; what it shows is asked as it stands."""
    (example,) = re.findall(r"```sql\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    crm = insert_connector(db, "crm")
    for contract in ("k1", "k2", "k2"):
        insert_open(db, crm, contract)
    own(outbox, "busiest", example)

    rows = asked(outbox, "busiest", "--connector", "crm")

    assert [(row["contract_id"], row["reports"]) for row in rows] == [("k2", 2), ("k1", 1)]


WRITES = (
    ("WITH gone AS (DELETE FROM outbox.event RETURNING id) SELECT * FROM gone", "must not contain data-modifying"),
    ("SELECT 1; COMMIT; DELETE FROM outbox.event", "cannot insert multiple commands"),
    ("SELECT nextval('outbox.event_id')", "in a read-only transaction"),
    ("SELECT writes()", "in a read-only transaction"),
    ("SELECT pg_sleep(10)", "had no answer within 0.2 s"),
    ("SELECT 1 AS a, 2 AS a", "expected each column once, got a again"),
)


def test_a_question_only_asks(db: Connection, outbox: Command) -> None:
    """It writes nothing, however it is put, and ends in its time."""
    event = insert_event(db)
    db.execute("CREATE FUNCTION writes() RETURNS void LANGUAGE sql VOLATILE AS 'DELETE FROM outbox.event'")

    for statement, answer in WRITES:
        own(outbox, "writes", f"-- Does it write?\n{statement}")
        assert answer in outbox("ask", "writes", "--timeout", "0.2", code=2 if "column" in answer else 1)

    assert db.execute("SELECT id FROM outbox.event").fetchall() == [(event,)]


def test_a_table_shows_the_first_rows(outbox: Command) -> None:
    """And says that there are more; an export has them all."""
    own(outbox, "many", "-- Many?\nSELECT n FROM generate_series(1, 1200) AS n")

    assert "the first 50; more with --limit" in outbox("ask", "many", "--format", "table")
    assert "more with" not in outbox("ask", "many", "--format", "table", "--limit", "1200")
    assert len(asked(outbox, "many")) == 1200


def test_never_confirmed_finds_what_has_no_confirmation(db: Connection, outbox: Command) -> None:
    """Waiting, dead and cancelled ones; not what was delivered, nor another's, nor what a failed replay left."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp")
    waiting, lost = insert_open(db, crm), insert_open(db, crm, "k2", attempts=1)
    insert_attempt(db, lost, crm, outcome="timeout", status_code=None, duration_ms=15_000)
    dead, sent = insert_event(db), insert_event(db)
    for event in (dead, sent):
        insert_delivery(db, event, crm)
    insert_attempt(db, dead, crm, outcome="http_error", settled="dead")
    insert_attempt(db, sent, crm)
    insert_attempt(db, sent, crm, 2, outcome="http_error", settled="dead", kind="replay")
    insert_open(db, erp)

    rows = asked(outbox, "never-confirmed", "--connector", "crm")

    assert [(row["event_id"], row["state"], row["perhaps_received"]) for row in rows] == [
        (waiting, "pending", False),
        (lost, "pending", True),
        (dead, "dead", False),
    ]
    assert asked(outbox, "never-confirmed", "--connector", "crm", "--until", "1h") == []


def test_the_slowest_receiver_comes_first(db: Connection, outbox: Command) -> None:
    """By what it took to answer, in the time asked for; tests and what was never sent don't count."""
    slow, quick, never, lost, late = (insert_connector(db, name) for name in ("slow", "quick", "never", "lost", "late"))
    attempts: list[tuple[int, dict[str, Any]]] = [
        (slow, {"duration_ms": 900.0}),
        (slow, {"duration_ms": 15_000.0, "outcome": "timeout", "status_code": None}),
        (quick, {"duration_ms": 8.0}),
        (quick, {"duration_ms": 99_000.0, "kind": "test"}),
        (quick, {"duration_ms": 99_000.0, "started_at": "2020-01-01"}),
        (never, {"duration_ms": 0.1, "outcome": "blocked", "status_code": None}),
        (never, {"duration_ms": None, "outcome": "interrupted", "status_code": None, "settled": "cancelled"}),
        (lost, {"duration_ms": None, "outcome": "lost", "status_code": None}),
        (late, {"duration_ms": None, "outcome": "lost", "status_code": None}),
    ]
    for number, (owner, values) in enumerate(attempts, start=1):
        event = insert_event(db)
        insert_delivery(db, event, owner)
        insert_attempt(db, event, owner, number, **values)
    insert_attempt(db, event, late, number, outcome="late", error_code="ok", status_code=200, duration_ms=40_000.0)

    rows = asked(outbox, "slowest-receivers")

    assert [(row["connector"], row["attempts"], row["failed"], row["timeouts"], row["lost"]) for row in rows] == [
        ("late", 1, 0, 0, 1),
        ("slow", 2, 1, 1, 0),
        ("quick", 1, 0, 0, 0),
        ("lost", 1, 0, 0, 1),
    ]
    assert [row["p50_ms"] for row in rows] == [40_000, 7950, 8, None]
    assert (rows[1]["slowest_ms"], rows[2]["p99_ms"]) == (15_000, 8)


def test_a_contract_is_told_whole(db: Connection, outbox: Command) -> None:
    """Its events, decisions and attempts in order, what waits, what could not be captured; nothing of another."""
    crm = insert_connector(db, "crm")
    first = insert_event(db, "k1", "create", occurred_at="2026-01-01")
    insert_decision(db, first, "deliver", connector_id=crm, decided_at="2026-01-02")
    insert_delivery(db, first, crm)
    insert_attempt(db, first, crm, started_at="2026-01-03")
    second = insert_event(db, "k1", occurred_at="2026-01-04")
    insert_delivery(db, second, crm)
    insert_queued(db, second, crm, attempts=1, last_error="HTTP 500")
    insert_open(db, crm, "k2")
    error = (
        "INSERT INTO outbox.capture_error (rule, contract_id, sqlstate, message, recaptured_at)"
        " VALUES (%s, %s, '42703', 'gone', %s)"
    )
    for rule, contract, mended in (("r1", "k1", None), ("r2", "k2", None), ("r3", "k1", "2026-01-01")):
        db.execute(error.encode(), (rule, contract, mended))

    rows = asked(outbox, "contract-story", "--contract", "k1")

    assert [(row["what"], row["event_id"]) for row in rows[:4]] == [
        ("event", first),
        ("decision", first),
        ("attempt", first),
        ("event", second),
    ]
    assert {(row["what"], row["event_id"]) for row in rows[4:]} == {("waiting", second), ("not captured", None)}
    assert "attempts so far: 1" in next(row["words"] for row in rows if row["what"] == "waiting")
    assert "HTTP 500" in next(row["words"] for row in rows if row["what"] == "waiting")
    assert [row["words"] for row in rows if row["what"] == "not captured"] == ["r1: gone"]


def test_a_contract_s_story_tells_of_its_erasure(db: Connection, outbox: Command) -> None:
    """Who, why, and what was cancelled for it; as the timeline does."""
    event = insert_open(db, insert_connector(db, "crm"))
    db.execute("SELECT outbox.erase('k1', 'the officer', 'request 17')")

    rows = asked(outbox, "contract-story", "--contract", "k1")

    words = "content erased by the officer: request 17; deliveries cancelled: 1"
    assert [(row["what"], row["event_id"]) for row in rows] == [("event", event), ("attempt", event), ("erasure", None)]
    assert rows[-1]["words"] == words
    assert json.loads(outbox("timeline", "k1"))[-1]["words"] == words


def verdicts(outbox: Command, event: int, connector: str = "crm") -> list[tuple[int, str]]:
    """The steps of why an event was not sent."""
    rows = asked(outbox, "why-not", "--event", str(event), "--connector", connector)
    return [(row["event_id"], row["verdict"]) for row in rows]


def test_why_not_reads_what_was_decided(db: Connection, outbox: Command) -> None:
    """For this connector, for the event itself, or nothing at all."""
    crm, erp = insert_connector(db, "crm"), insert_connector(db, "erp", business_units=["bu2"])
    db.execute("UPDATE outbox.connector SET created_at = '2020-01-01'")
    unrouted = insert_note(db)
    chosen, other, gone = insert_event(db), insert_event(db), insert_event(db)
    insert_decision(db, chosen, "trigger_not_chosen", connector_id=crm)
    insert_decision(db, other, "no_connector")
    insert_decision(db, gone, "contract_gone")
    insert_connector(db, "late")

    assert verdicts(outbox, unrouted) == [(unrouted, "not_routed")]
    assert verdicts(outbox, chosen) == [(chosen, "trigger_not_chosen")]
    assert verdicts(outbox, other, "erp") == [(other, "other_business_unit")]
    assert verdicts(outbox, gone) == [(gone, "contract_gone")]
    (words,) = [row["words"] for row in asked(outbox, "why-not", "--event", str(gone), "--connector", "crm")]
    assert words.startswith("not sent: the contract was deleted before its document could be read (decided at ")
    assert verdicts(outbox, chosen, "late") == [(chosen, "created_later")]
    db.execute("INSERT INTO outbox.pruned (range_start, range_end, newest_at, keep) VALUES (900, 1000, now(), '1 day')")
    assert verdicts(outbox, 999) == [(999, "pruned")]
    outbox("ask", "why-not", "--event", "1000", "--connector", "crm", code=2)
    assert erp != crm


def test_why_not_follows_to_the_event_that_matters(db: Connection, outbox: Command) -> None:
    """From a coalesced one to the one that stands, from that to the head of its lane, and to why that waits."""
    crm = insert_connector(db, "crm")
    head, standing, part = insert_open(db, crm), insert_event(db), insert_event(db)
    insert_delivery(db, standing, crm)
    insert_queued(db, standing, crm, ready=False)
    insert_decision(db, part, "coalesced", into_event_id=standing)

    assert verdicts(outbox, part) == [(part, "coalesced"), (standing, "blocked"), (head, "pending")]
    disable_connector(db, crm)
    assert verdicts(outbox, part)[1:] == [(standing, "held")]


def test_why_not_tells_what_a_delivery_came_to(db: Connection, outbox: Command) -> None:
    """Delivered, dead, and erased: a body that was built is no more."""
    crm = insert_connector(db, "crm")
    sent, dead, unbuilt, erased = (insert_event(db) for _ in range(4))
    for event, body in ((sent, b"{}"), (dead, b"{}"), (unbuilt, None), (erased, None)):
        insert_delivery(db, event, crm, body=body)
    insert_attempt(db, sent, crm)
    insert_attempt(db, dead, crm, outcome="http_error", settled="dead")
    insert_attempt(db, unbuilt, crm, outcome="report", settled="dead", status_code=None, error="too long")
    insert_attempt(db, erased, crm, outcome="interrupted", settled="cancelled", status_code=None, error="erased by dpo")

    assert [verdicts(outbox, event)[0][1] for event in (sent, dead, unbuilt, erased)] == [
        "delivered",
        "dead",
        "dead",
        "erased",
    ]


def test_a_removed_connector_is_asked_by_its_name(db: Connection, outbox: Command) -> None:
    """Of two that had the name the one that the event concerns answers."""
    old = insert_connector(db, "crm", removed_at="2026-01-01")
    insert_connector(db, "crm", business_units=["bu2"])
    event = insert_event(db)
    insert_delivery(db, event, old)
    insert_attempt(db, event, old, outcome="interrupted", settled="cancelled", status_code=None, error="removed")

    assert verdicts(outbox, event) == [(event, "cancelled")]
