"""The doctor: each check finds what it is for, says the mend, and is quiet otherwise."""

import re
import time
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import create_engine

from outbox.chores import CHORES
from outbox.doctor import CHECKS, Finding, Level, examine
from outbox.drift import MEND_MAPPING
from outbox.secret_box import SecretBox
from outbox.settings import Secrets, Settings
from outbox.worker import Worker, heartbeat
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
from tests.relays import hands

BOX_KEY = Fernet.generate_key().decode()


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def settings(key: str = BOX_KEY) -> Settings:
    """Settings with one secret key."""
    return Settings(secrets=Secrets(keys=SecretStr(key)))


def found(database: Database, name: str, key: str = BOX_KEY) -> list[Finding]:
    """What the doctor finds under one name."""
    return [one for one in examine(database.engine, settings(key)) if one.name == name]


def only(database: Database, name: str, key: str = BOX_KEY) -> Finding:
    """The one finding of this name."""
    (finding,) = found(database, name, key)
    return finding


def insert_worker(db: Connection, name: str = "host:1", *, age: int = 0, up: int = 3600, stopped: bool = False) -> None:
    """A daemon that gave a sign of life `age` seconds ago, and had then been `up` for so many."""
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport, seen_at, started_at, stopped_at)"
        " VALUES (%s, 'host', 1, '0.1.0', 'requests', clock_timestamp() - make_interval(secs => %s),"
        " clock_timestamp() - make_interval(secs => %s), CASE WHEN %s THEN now() END)",
        (name, age, age + up, stopped),
    )


def test_a_fresh_schema_is_examined_in_full(database: Database) -> None:
    """Every check answers; a database in which nothing runs yet has faults that say what is missing."""
    findings = examine(database.engine, settings())

    of_a_source = {"capture", "capture rights", "replication", "lookups", "contracts", "business units"}
    assert [one.name for one in findings] == [name for name in CHECKS if name not in of_a_source]
    assert {one.name for one in findings if one.level is Level.FAULT} >= {"source", "workers"}
    assert {one.name for one in findings if one.level is Level.WARNING} == {"connectors"}
    assert all(one.mend for one in findings if one.level is not Level.OK)


def test_a_database_that_does_not_answer_is_the_only_finding() -> None:
    """Without a connection the checks end there, and no password is shown."""
    engine = create_engine("postgresql+psycopg://ann:planted@127.0.0.1:1/none")

    (finding,) = examine(engine, settings())

    assert (finding.level, finding.name) == (Level.FAULT, "connection")
    assert "planted" not in finding.words


def test_a_missing_schema_ends_the_checks(empty_database: Database) -> None:
    """What builds on the schema isn't asked without it."""
    findings = examine(empty_database.engine, settings())

    assert [(one.name, one.level) for one in findings] == [("connection", Level.OK), ("schema", Level.FAULT)]
    assert findings[-1].mend == "run `outbox migrate`"


def test_an_installed_source_is_well(database: Database) -> None:
    """It says since when, by whom, and how many rules; the capture triggers stand."""
    install_source(database)

    assert only(database, "source").level is Level.OK
    assert "by postgres, 1 capture rule" in only(database, "source").words
    assert only(database, "capture").level is Level.OK


def test_a_capture_trigger_that_is_switched_off_is_a_fault(database: Database, db: Connection) -> None:
    """What it captures is missed from then on, so somebody must act."""
    install_source(database)
    db.execute("ALTER TABLE public.contract DISABLE TRIGGER USER")

    finding = only(database, "capture")

    assert finding.level is Level.FAULT
    assert "is disabled: what it captures is missed" in finding.words
    assert finding.mend == "run `outbox install` again"


def test_a_column_that_a_rule_reads_and_that_is_gone_is_named(database: Database, db: Connection) -> None:
    """The application's own migration breaks the mapping: which part of it, and the mend."""
    install_source(database)
    db.execute("ALTER TABLE public.contract DROP COLUMN status")

    findings = found(database, "capture")

    assert any("contract.query" in one.words and one.level is Level.FAULT for one in findings)
    assert {one.level for one in findings} == {Level.FAULT, Level.WARNING}
    assert {one.mend for one in findings} == {MEND_MAPPING}  # one cause, one mend


def test_changes_that_were_not_captured_are_a_fault(database: Database, db: Connection) -> None:
    """By rule, with the latest message; recaptured ones are forgotten."""
    assert only(database, "capture errors").level is Level.OK
    for message, recaptured in (("first", None), ("second", None), ("healed", "now")):
        db.execute(
            "INSERT INTO outbox.capture_error (rule, sqlstate, message, recaptured_at)"
            " VALUES ('update on contract', '42703', %s, %s)",
            (message, recaptured),
        )

    finding = only(database, "capture errors")

    assert finding.level is Level.FAULT
    assert finding.words == "2 changes not captured by rule 'update on contract', latest: second"
    assert "outbox recapture" in (finding.mend or "")


def test_filtered_changes_are_told_and_no_harm(database: Database, db: Connection) -> None:
    """Excluding contracts is the mapping's right: information only."""
    assert only(database, "filtered").words == "the contract query has left out no change"
    db.execute("SELECT nextval('outbox.filtered') FROM generate_series(1, 3)")

    assert only(database, "filtered").level is Level.OK
    assert only(database, "filtered").words.startswith("3 changes")


@pytest.mark.parametrize(("age", "level"), [(5, Level.OK), (90, Level.WARNING), (900, Level.FAULT)])
def test_unrouted_events_alarm_by_their_age(database: Database, db: Connection, age: int, level: Level) -> None:
    """A minute is a warning, ten a fault."""
    db.execute("ALTER TABLE outbox.inbox DISABLE TRIGGER USER")
    db.execute(
        "INSERT INTO outbox.inbox (occurred_at, trigger, contract_id)"
        " VALUES (clock_timestamp() - make_interval(secs => %s), 'create', 'k1')",
        (age,),
    )

    finding = only(database, "routing")

    assert finding.level is level
    assert finding.words.startswith("1 event waits for routing")


@pytest.mark.parametrize(("due_in", "level"), [(30, Level.OK), (-90, Level.WARNING), (-900, Level.FAULT)])
def test_overdue_deliveries_alarm_by_their_age(database: Database, db: Connection, due_in: int, level: Level) -> None:
    """Only what could have been claimed counts: a lease that ran out does, what is blocked or held does not."""
    crm, off = insert_connector(db), insert_connector(db, "off")
    disable_connector(db, off)
    for owner, values in (
        (crm, {"due_in": due_in, "leased": "host:1"}),
        (crm, {"due_in": -9000, "ready": False}),
        (off, {"due_in": -9000}),
    ):
        event = insert_event(db)
        insert_delivery(db, event, owner)
        insert_queued(db, event, owner, **values)

    finding = only(database, "overdue")

    assert finding.level is level
    assert level is Level.OK or finding.words.startswith(
        "1 delivery to crm is overdue, 1 with a lease that ran out, the oldest by"
    )


def test_dead_letters_of_the_day_are_a_warning(database: Database, db: Connection) -> None:
    """Only those that are dead still: not the replayed, the delivered, or those of yesterday."""
    crm = insert_connector(db, "the crm")
    dead, old, replayed, healed = (insert_event(db) for _ in range(4))
    for event in (dead, old, replayed, healed):
        insert_delivery(db, event, crm)
        at = "yesterday" if event == old else "now"
        insert_attempt(db, event, crm, 1, outcome="timeout", settled="dead", started_at=at)
    rewrite(db, "UPDATE outbox.attempt SET started_at = now() - interval '25 hours' WHERE event_id = %s", (old,))
    insert_queued(db, replayed, crm, kind="replay", attempts=1)
    insert_attempt(db, healed, crm, 2, kind="replay")

    finding = only(database, "dead letters")

    assert finding.level is Level.WARNING
    assert finding.words == "1 delivery to the crm went dead within the last day"
    assert (finding.mend or "").endswith("`outbox replay --connector 'the crm' --state dead --since 24h`")


def test_held_connectors_and_those_that_receivers_ended_are_warnings(database: Database, db: Connection) -> None:
    """Each with its reason and how many deliveries wait; what a person disabled is told; removed ones are history."""
    crm, off = insert_connector(db), insert_connector(db, "off")
    insert_connector(db, "held", held_reason="receiver fails")
    insert_connector(db, "gone", removed_at="now")
    assert len(found(database, "connectors")) == 1
    disable_connector(db, off, "answered 410")
    db.execute(
        "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)"
        " VALUES (%s, 2, 'disable', '{}', 'w1', 'relay')",
        (off,),
    )
    disable_connector(db, insert_connector(db, "night"), "ada disabled it")
    event = insert_event(db)
    for owner in (crm, off):
        insert_delivery(db, event, owner)
        insert_queued(db, event, owner)

    held, night, disabled = found(database, "connectors")

    assert [one.level for one in (held, night, disabled)] == [Level.WARNING, Level.OK, Level.WARNING]
    assert "held has been held for" in held.words
    assert "receiver fails; no delivery waits" in held.words
    assert "answered 410; 1 delivery waits" in disabled.words
    assert "`outbox connectors enable off`" in (disabled.mend or "")


def test_a_removed_connectors_queue_is_a_warning(database: Database, db: Connection) -> None:
    """Nothing would ever claim it, so it is said."""
    gone = insert_connector(db, "gone", removed_at="now")
    event = insert_event(db)
    insert_delivery(db, event, gone)
    insert_queued(db, event, gone)

    assert only(database, "orphans").level is Level.WARNING


def test_a_lane_without_a_head_is_a_warning(database: Database, db: Connection) -> None:
    """The sweep mends it; that it was needed is worth a word."""
    crm = insert_connector(db)
    event = insert_event(db)
    insert_delivery(db, event, crm)
    insert_queued(db, event, crm, ready=False)

    assert only(database, "lanes").level is Level.WARNING


def test_a_secret_that_no_key_opens_is_a_fault(database: Database, db: Connection) -> None:
    """The connector is named, the secret is not; with the right key all is well."""
    insert_connector(db, secret=SecretBox([SecretStr(BOX_KEY)]).seal("planted"))

    wrong = only(database, "secrets", Fernet.generate_key().decode())
    broken = only(database, "secrets", "no-key")

    assert only(database, "secrets").level is Level.OK
    assert wrong.level is Level.FAULT
    assert wrong.words.startswith("crm: ")
    assert "planted" not in wrong.words
    assert broken.level is Level.FAULT
    assert "expected 32 bytes" in broken.words


def test_a_daemon_without_the_key_is_a_fault(database: Database, db: Connection) -> None:
    """Its keys count, not those of whoever asks."""
    crm = insert_connector(db, secret=SecretBox([SecretStr(BOX_KEY)]).seal("planted"))
    insert_worker(db)
    db.execute("UPDATE outbox.worker SET unopened = %s", ([crm],))

    finding = only(database, "secrets")

    assert finding.level is Level.FAULT
    assert finding.words == "crm: its secret can't be opened with the keys of host:1"
    assert "held" in only(database, "connectors").words


def test_daemons_are_judged_by_their_heartbeat(database: Database, db: Connection) -> None:
    """None alive is a fault; one that vanished is a warning until another follows it; one that stopped is history."""
    insert_worker(db, "gone", age=300)
    insert_worker(db, "ended", age=5, stopped=True)
    assert [one.level for one in found(database, "workers")] == [Level.FAULT, Level.WARNING]

    insert_worker(db, "alive", age=3, up=100)
    assert [one.words.split()[0] for one in found(database, "workers")] == ["alive"]

    db.execute("UPDATE outbox.worker SET started_at = started_at - interval '1 hour'")
    assert [(one.level, one.words.split()[0]) for one in found(database, "workers")] == [
        (Level.OK, "alive"),
        (Level.WARNING, "gone"),
    ]


def test_partitions_are_judged_by_room_and_strays(database: Database, db: Connection) -> None:
    """Short of a range, the mend is the very statement that makes the next; strays are named."""
    assert only(database, "partitions").level is Level.OK
    db.execute("SELECT setval('outbox.event_id', 19999000)")
    for _ in range(2):
        db.execute("SELECT setval('outbox.event_id', nextval('outbox.event_id') + 1000)")
        insert_event(db)

    room, strays = found(database, "partitions")

    assert room.mend == "SELECT outbox.make_partition(20000000, 25000000)"
    assert "outbox.event_default" in strays.words


def test_a_check_that_the_database_refuses_is_a_fault_and_the_others_go_on(database: Database, db: Connection) -> None:
    """One broken table never hides the rest."""
    db.execute("ALTER TABLE outbox.worker RENAME TO worker_gone")

    findings = examine(database.engine, settings())

    broken = next(one for one in findings if one.name == "workers")
    assert broken.level is Level.FAULT
    assert "could not be checked" in broken.words
    assert findings[-1].name == list(CHECKS)[-1]


def test_growth_is_sampled_by_one_of_all_workers(database: Database, db: Connection) -> None:
    """Once in an hour, however many ask; samples of more than a year ago go; the doctor tells what a day made of it."""
    db.execute(
        "INSERT INTO outbox.growth (sampled_at, outbox_bytes, database_bytes)"
        " VALUES (now() - interval '401 days', 1, 1), (now() - interval '25 hours', 1, 1)"
    )
    chore = next(one for one in CHORES if one.name == "growth")
    for name in ("host:1", "host:2"):
        chore.run(hands(database.engine, worker=name), chore)

    sizes = db.execute("SELECT outbox_bytes > 1000000, database_bytes > outbox_bytes FROM outbox.growth").fetchall()
    assert sizes == [(False, False), (True, True)]
    words = only(database, "growth").words
    assert re.fullmatch(r"takes \d\.\d MiB, the whole database \d+\.\d MiB; grew by \d\.\d MiB in the last day", words)


def test_a_heartbeat_tells_its_hosts_clock(database: Database, db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """By how much it is ahead of the database's, as of the last one."""
    host = Worker("host:1", "host", 1, "0.1.0", "requests", 5.0)
    clock = time.time
    for ahead in (0.0, 60.0):
        monkeypatch.setattr("outbox.worker.time.time", lambda off=ahead: clock() + off)
        with database.engine.begin() as connection:
            heartbeat(connection, host)

    assert db.execute("SELECT clock_ahead BETWEEN 50 AND 70 FROM outbox.worker").fetchall() == [(True,)]
    monkeypatch.undo()
    assert only(database, "clock").words.startswith("the clock of host host is ")
