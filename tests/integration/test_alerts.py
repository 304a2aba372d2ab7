"""Alerts against a real database and a real hook: each trouble is seen, told once, again, and once that it is well."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from outbox import alert_hook, doctor, troubles
from outbox.metrics import Measures
from outbox.settings import Settings
from outbox.watching import Alerts
from tests.command import Command, command
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    disable_connector,
    hold,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_note,
    insert_open,
    install_source,
)
from tests.receiver import Answer, Receiver, receiver
from tests.relays import settings_for

Watch = Callable[..., Measures]


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """Whom alerts are sent to."""
    with receiver() as running:
        yield running


def settings(database: Database, url: str, **chosen: Any) -> Settings:
    """Settings with an alert hook; `chosen` are further keys of [alerts]."""
    alerts = Alerts.model_validate({"url": url, **chosen})
    return settings_for(database).model_copy(update={"alerts": alerts})


@pytest.fixture
def watch(database: Database, hook: Receiver, db: Connection) -> Watch:
    """One round, as in a slot of its own; whoever took an alert before has had the time to tell it."""

    def run(url: str | None = None, **chosen: Any) -> Measures:
        db.execute("DELETE FROM outbox.periodic WHERE name = 'alerts'")
        db.execute("UPDATE outbox.alert SET tried_at = tried_at - interval '1 minute'")
        measures = Measures()
        alert_hook.watch(
            database.engine, settings(database, url or hook.url, **chosen), measures, job="alerts", seconds=30
        )
        return measures

    return run


def told(hook: Receiver) -> list[tuple[str, str, str | None]]:
    """What the hook was told: how, by which rule, of whom."""
    written = [json.loads(got.body) for got in hook.received]
    return [(one["telling"], one["rule"], one["subject"]) for one in written]


def later(db: Connection, *, hours: float = 0, seconds: float = 0) -> None:
    """So much time passes for what is on record."""
    db.execute(
        "UPDATE outbox.alert SET told_at = told_at - make_interval(secs => %(s)s),"
        " gone_at = gone_at - make_interval(secs => %(s)s), tried_at = tried_at - make_interval(secs => %(s)s)",
        {"s": hours * 3600 + seconds},
    )


def seen(database: Database, **chosen: Any) -> dict[tuple[str, str], str]:
    """The troubles that there are: rule and subject, and the words."""
    with database.engine.begin() as connection:
        found = troubles.look(connection, settings(database, "http://hook.example/", **chosen))
    assert found.unknown == set()
    return {one.key: one.words for one in found.troubles}


def test_a_database_in_which_all_is_well_has_no_trouble(database: Database, db: Connection) -> None:
    """A connector that a person disabled is none: somebody meant it."""
    install_source(database)
    insert_connector(db)
    disable_connector(db, insert_connector(db, "off"))
    db.execute("INSERT INTO public.contract VALUES (1, 'bu1', 'draft')")

    assert seen(database) == {}


def _given_up(db: Connection) -> None:
    connector = insert_connector(db, "o'brien")
    disable_connector(db, connector, "the receiver answered 410 Gone")
    db.execute(
        "INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)"
        " VALUES (%s, 2, 'disable', '{}', 'w1', 'relay')",
        [connector],
    )


def _keyless(db: Connection) -> None:
    connector = insert_connector(db)
    db.execute(
        "INSERT INTO outbox.worker (name, host, pid, version, transport, unopened)"
        " VALUES ('w1', 'h', 1, '0', 'curl', %s)",
        [[connector]],
    )


def _dead(db: Connection) -> None:
    connector = insert_connector(db)
    for started_at in ("now", "2020-01-01"):
        event = insert_event(db)
        insert_delivery(db, event, connector)
        insert_attempt(db, event, connector, outcome="timeout", settled="dead", started_at=started_at)


def _overdue(db: Connection) -> None:
    insert_open(db, insert_connector(db), due_in=-400)
    insert_open(db, insert_connector(db, "erp"), due_in=3600)
    insert_open(db, insert_connector(db, "off", held_reason="x"), due_in=-4000)


def _unrouted(db: Connection) -> None:
    insert_note(db)
    db.execute("UPDATE outbox.inbox SET occurred_at = now() - interval '1 hour'")


def _not_captured(db: Connection, *messages: str) -> None:
    for message in messages or ("first", "second"):
        db.execute("INSERT INTO outbox.capture_error (rule, sqlstate, message) VALUES ('r', '42703', %s)", [message])


@pytest.mark.parametrize(
    ("plant", "key", "words"),
    [
        (lambda db: hold(db, insert_connector(db)), ("connector_held", "crm"), "10 attempts in a row failed"),
        (_keyless, ("connector_held", "crm"), "its secret can't be opened with the keys of w1"),
        (_given_up, ("connector_disabled", "o'brien"), "the receiver answered 410 Gone"),
        (_dead, ("deliveries_dead", "crm"), "within the last day: 1"),
        (_not_captured, ("capture_errors", "r"), "2 wait; the latest failed with SQLSTATE 42703"),
        (_overdue, ("lag", ""), "deliveries to crm for 6m"),
        (lambda db: insert_note(db, occurred_at="now"), None, ""),
        (_unrouted, ("lag", ""), "events for routing for 1h"),
        (
            lambda db: db.execute("SELECT setval('outbox.event_id', 19000000)"),
            ("no_partition_ahead", ""),
            "there is room for 1000000 more events",
        ),
        (lambda db: insert_event(db, id=10**12), ("default_partition", ""), "outbox.event_default"),
    ],
)  # fmt: skip
def test_each_trouble_is_seen(
    database: Database, db: Connection, plant: Callable[[Connection], object], key: tuple[str, str] | None, words: str
) -> None:
    """Each kind finds what it is for, and no other kind takes it for its own."""
    plant(db)
    found = seen(database)

    assert set(found) - {("connector_held", "off")} == ({key} if key else set())
    assert key is None or words in found[key]


def test_no_alert_quotes_what_capture_could_not_read(database: Database, db: Connection) -> None:
    """The words of a capture error may quote content: an alert stays on record, and goes to people's chats."""
    _not_captured(db, "Zaphod", "Beeblebrox")

    (words,) = seen(database).values()
    assert "Zaphod" not in words
    assert "Beeblebrox" not in words


def test_capture_triggers_that_are_off_are_seen(database: Database, db: Connection) -> None:
    """What the doctor calls a fault of capture is an alert."""
    install_source(database)
    db.execute("ALTER TABLE public.contract DISABLE TRIGGER USER")
    found = seen(database)
    assert set(found) == {("capture_drift", "")}
    assert "is disabled" in found["capture_drift", ""]


def test_a_kind_that_can_not_be_looked_at_changes_nothing(
    database: Database, db: Connection, hook: Receiver, watch: Watch
) -> None:
    """A table that somebody has locked: what stands of that kind stands, what is of others is told."""
    _not_captured(db)
    watch()
    with database.connect() as other:
        other.execute("LOCK TABLE outbox.capture_error")
        hold(db, insert_connector(db))
        watch()
        other.rollback()

    assert told(hook) == [("raised", "capture_errors", "r"), ("raised", "connector_held", "crm")]
    assert db.execute("SELECT count(*) FROM outbox.alert WHERE gone_at IS NOT NULL").fetchone() == (0,)


def test_a_trouble_is_told_once_then_again_after_hours_and_once_that_it_is_well(
    db: Connection, hook: Receiver, watch: Watch
) -> None:
    """From begin to end one row; what comes back within the minute was never over."""
    connector = insert_connector(db, held_reason="it fails")
    for _ in range(3):
        watch()
    assert told(hook) == [("raised", "connector_held", "crm")]

    later(db, hours=24)
    watch()
    assert told(hook)[1:] == [("stands", "connector_held", "crm")]

    db.execute("DELETE FROM outbox.health")
    watch()
    hold(db, connector)
    watch()
    db.execute("DELETE FROM outbox.health")
    watch()
    later(db, seconds=61)
    watch()
    watch()
    assert told(hook)[2:] == [("well", "connector_held", "crm")]
    assert json.loads(hook.received[2].body)["text"].startswith("[all well again] ")
    assert db.execute("SELECT state, told FROM outbox_audit.alerts").fetchall() == [("ended", 2)]

    hold(db, connector)
    watch()
    assert told(hook)[3:] == [("raised", "connector_held", "crm")]
    assert db.execute("SELECT state FROM outbox_audit.alerts ORDER BY alert_id").fetchall() == [("ended",), ("open",)]


def test_a_hook_that_fails_is_tried_until_it_takes_it(
    database: Database, db: Connection, hook: Receiver, watch: Watch
) -> None:
    """Under one id; meanwhile record, figures and doctor say why, and a redirect is no success."""
    hold(db, insert_connector(db))
    hook.answer = lambda _: Answer(302, {"location": "http://169.254.169.254/"})
    measures = watch()

    assert measures.registry.get_sample_value("outbox_alerts_sent_total", {"outcome": "http_error"}) == 1
    chosen = settings(database, hook.url)
    [finding] = [one for one in doctor.examine(database.engine, chosen) if one.name == "alerts"]
    assert finding.level is doctor.Level.WARNING
    assert "302" in finding.words

    hook.answer = lambda _: Answer()
    watch()
    watch()
    assert [got.headers["webhook-id"] for got in hook.received] == ["alert_1_raised_0"] * 2
    assert db.execute("SELECT told, last_error FROM outbox_audit.alerts").fetchall() == [(1, None)]
    [finding] = [one for one in doctor.examine(database.engine, chosen) if one.name == "alerts"]
    assert (finding.level, finding.words) == (
        doctor.Level.OK,
        "the hook takes alerts; these stand: connector_held 1",
    )


def test_the_guard_holds_for_the_hook(db: Connection, hook: Receiver, watch: Watch) -> None:
    """A private address that no setting allows is not reached, and its URL's secret is in no word."""
    hold(db, insert_connector(db))
    measures = watch("http://10.1.2.3/planted-token")

    assert hook.received == []
    assert measures.registry.get_sample_value("outbox_alerts_sent_total", {"outcome": "blocked"}) == 1
    [[error]] = db.execute("SELECT last_error FROM outbox.alert").fetchall()
    assert "10.1.2.3" in str(error)
    assert "planted-token" not in str(error)


def test_what_was_over_before_anybody_heard_is_not_told(db: Connection, hook: Receiver, watch: Watch) -> None:
    """No "well again" of what nobody knew."""
    hold(db, insert_connector(db))
    hook.answer = lambda _: Answer(500)
    watch()
    db.execute("DELETE FROM outbox.health")
    hook.answer = lambda _: Answer()
    watch()
    later(db, seconds=61)
    watch()
    watch()

    assert [what for what, _, _ in told(hook)] == ["raised"]
    assert db.execute("SELECT closed_at IS NOT NULL FROM outbox.alert").fetchall() == [(True,)]


def test_one_worker_of_all_tells_and_what_it_took_nobody_else_does(
    database: Database, db: Connection, hook: Receiver
) -> None:
    """The slot is one's; and in the next slot what somebody may be sending is left to them."""
    hold(db, insert_connector(db))
    chosen = settings(database, hook.url)
    for _ in range(3):
        alert_hook.watch(database.engine, chosen, Measures(), job="alerts", seconds=3600)
    assert len(hook.received) == 1

    db.execute("UPDATE outbox.alert SET told = 0, told_at = NULL")  # as if the one who sent it had not come back yet
    db.execute("DELETE FROM outbox.periodic")
    alert_hook.watch(database.engine, chosen, Measures(), job="alerts", seconds=3600)
    assert len(hook.received) == 1


def test_without_a_hook_nobody_looks(database: Database, db: Connection) -> None:
    """No slot is taken from a host that has one, and nothing is recorded."""
    hold(db, insert_connector(db))
    alert_hook.watch(database.engine, settings_for(database), Measures(), job="alerts", seconds=30)
    for table in (b"alert", b"periodic"):
        assert db.execute(b"SELECT FROM outbox.%s" % table).fetchall() == []
    [finding] = [one for one in doctor.examine(database.engine, settings_for(database)) if one.name == "alerts"]
    assert finding.words.startswith("no alert hook is set")


@pytest.fixture
def line(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command on it."""
    return command(tmp_path, database.url, keys="", monkeypatch=monkeypatch, capsys=capsys)


def test_the_command_tries_the_hook(
    line: Command, hook: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By file or variable, signed; it says what the hook answered, and what is missing."""
    assert "alerts.url: expected the URL of a webhook, got none" in line("alerts", "test", code=2)

    secret = "a secret of more than 24 bytes"
    (tmp_path / "hook").write_text(hook.url + "\n")
    monkeypatch.setenv("OUTBOX_ALERTS_URL_FILE", str(tmp_path / "hook"))
    monkeypatch.setenv("OUTBOX_ALERTS_SECRET", secret)
    assert "the hook took the alert: HTTP 200" in line("alerts", "test")
    [got] = hook.received
    assert Webhook(_standard(secret)).verify(got.body, got.headers)["telling"] == "test"

    hook.answer = lambda _: Answer(404)
    assert "the hook did not take the alert" in line("alerts", "test", code=1)


def _standard(secret: str) -> str:
    """A plain secret as the standard's library takes it."""
    return "whsec_" + base64.b64encode(secret.encode()).decode()


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"OUTBOX_ALERTS_URL": "ftp://x/planted"}, "OUTBOX_ALERTS_URL: expected a URL that begins with https://"),
        ({"OUTBOX_ALERTS_SECRET": "planted"}, "OUTBOX_ALERTS_SECRET: signing secret: expected 24 to 64 bytes"),
        ({"OUTBOX_METRICS_ADDRESS": "here"}, "OUTBOX_METRICS_ADDRESS: expected an address of this machine"),
    ],
)
def test_settings_that_could_not_work_are_refused(
    line: Command, monkeypatch: pytest.MonkeyPatch, keys: dict[str, str], fault: str
) -> None:
    """When they are read, and no secret is shown."""
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    said = line("alerts", "test", code=2)
    assert fault in said
    assert "planted" not in said


def test_a_file_without_a_url_is_refused(line: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file is named, with what is wrong with its content; the daemon doesn't start with it either."""
    (tmp_path / "hook").write_text("hooks.example.com\n")
    monkeypatch.setenv("OUTBOX_ALERTS_URL_FILE", str(tmp_path / "hook"))
    for words in (("alerts", "test"), ("run", "--once")):
        assert "outbox.toml: alerts.url_file: expected a URL that begins with https://" in line(*words, code=2)


def test_a_secret_is_never_printed() -> None:
    """Neither the URL nor what signs."""
    shown = repr(Alerts(url=SecretStr("https://h.example/planted"), secret=SecretStr("planted" * 5)))
    assert "planted" not in shown
