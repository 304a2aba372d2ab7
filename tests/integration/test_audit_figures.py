"""Views that count and compare: health, days, configuration changes, what waits for what."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from outbox.connector import ConnectorSpec
from outbox.connector_edits import (
    Author,
    create_connector,
    disable_connector,
    edit_connector,
    enable_connector,
    remove_connector,
)
from outbox.connectors import find_connector
from outbox.daily import close_days
from outbox.model import Trigger
from outbox.secret_box import SecretBox, make_key
from tests import factories
from tests.conftest import Database
from tests.factories import (
    Connection,
    connect,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_open,
    rewrite,
)


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def rows(db: Connection, statement: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a SELECT, as dicts."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), values).fetchall()


def attempted(db: Connection, connector: int, at: str, number: int = 1, **values: Any) -> int:
    """An event that occurred a second before its attempt began."""
    (moment,) = rows(db, "SELECT CAST(%s AS timestamptz) - interval '1 second' AS at", at)
    event = insert_event(db, occurred_at=moment["at"])
    insert_delivery(db, event, connector)
    insert_attempt(db, event, connector, number, **{"started_at": at, "duration_ms": 100, **values})
    return event


def test_a_day_counts_attempts_by_what_came_of_them(db: Connection) -> None:
    """UTC days; tests, cancelled deliveries and late answers are no attempts, and stand apart where they count."""
    crm = insert_connector(db)
    attempted(db, crm, "2026-03-01 00:30:00+01")  # still February in UTC
    delivered = attempted(db, crm, "2026-03-01 10:00Z")
    insert_attempt(db, delivered, crm, 2, kind="replay", started_at="2026-03-01 11:00Z", duration_ms=300)
    dead = attempted(db, crm, "2026-03-01 10:00Z", outcome="timeout", status_code=None, settled="dead")
    attempted(db, crm, "2026-03-01 10:00Z", outcome="interrupted", status_code=None, settled="cancelled")
    lost = attempted(db, crm, "2026-03-01 10:00Z", outcome="lost", status_code=None, duration_ms=None)
    insert_attempt(db, lost, crm, 1, outcome="late", status_code=200, started_at="2026-03-01 10:00Z")
    attempted(db, crm, "2026-03-01 10:00Z", kind="test")
    assert dead

    found = rows(db, "SELECT * FROM outbox_audit.connector_daily ORDER BY day")

    assert [(str(row["day"]), row["attempts"]) for row in found] == [("2026-02-28", 1), ("2026-03-01", 4)]
    counts = ("ok", "failed", "lost", "late", "delivered", "dead", "cancelled")
    assert [found[1][name] for name in counts] == [2, 1, 1, 1, 1, 1, 1]
    assert float(found[1]["success_rate"]) == 0.5


def test_a_replay_is_no_delivery_of_its_own(db: Connection) -> None:
    """A delivery is counted as delivered once, and as dead or cancelled once and only before; in a day and an hour."""
    crm = insert_connector(db)
    delivered = attempted(db, crm, "now")
    for number, outcome in enumerate(("ok", "timeout", "interrupted"), start=2):
        settled = {"ok": "delivered", "timeout": "dead", "interrupted": "cancelled"}[outcome]
        insert_attempt(db, delivered, crm, number, kind="replay", outcome=outcome, settled=settled)
    dead = attempted(db, crm, "now", outcome="timeout", settled="dead")
    insert_attempt(db, dead, crm, 2, kind="replay", outcome="timeout", settled="dead")
    insert_attempt(db, dead, crm, 3, kind="replay")
    assert delivered != dead

    (day,) = rows(
        db,
        "SELECT sum(delivered) AS delivered, sum(dead) AS dead, sum(cancelled) AS cancelled"
        " FROM outbox_audit.connector_daily",
    )
    (hour,) = rows(db, "SELECT dead_last_hour FROM outbox_audit.connector_health")

    assert (day["delivered"], day["dead"], day["cancelled"], hour["dead_last_hour"]) == (2, 1, 0, 1)


def test_a_day_tells_how_long_deliveries_and_answers_took(db: Connection) -> None:
    """From the change to its 2xx, retries included and replays not; and the answers alone, whatever their status."""
    crm = insert_connector(db)
    for tenths in range(1, 101):
        attempted(db, crm, "2026-03-01 10:00Z", duration_ms=tenths * 10)
    replayed = attempted(db, crm, "2026-03-02 10:00Z", outcome="http_error")
    insert_attempt(db, replayed, crm, 2, started_at="2026-03-02 10:00:09Z", duration_ms=0)
    insert_attempt(db, replayed, crm, 3, kind="replay", started_at="2026-03-02 20:00Z", duration_ms=50)

    first, second = rows(db, "SELECT * FROM outbox_audit.connector_daily ORDER BY day")

    assert [round(first[f"delivery_p{n}_ms"]) for n in (50, 95, 99)] == [1505, 1950, 1990]
    assert [round(first[f"answer_p{n}_ms"]) for n in (50, 95, 99)] == [505, 950, 990]
    assert (second["delivery_p50_ms"], second["answer_p50_ms"]) == (10_000, 50)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_a_day_is_one_of_utc_whoever_asks(db: Connection, zone: str) -> None:
    """The time zone of the session that asks moves no attempt to another day."""
    crm = insert_connector(db)
    for at in ("2026-02-28 23:30Z", "2026-03-01 00:30Z", "2026-03-01 22:30Z"):
        attempted(db, crm, at)
    db.execute(f"SET TimeZone = '{zone}'".encode())

    days = rows(db, "SELECT CAST(day AS text) AS day, attempts FROM outbox_audit.connector_daily ORDER BY day")

    assert [(one["day"], one["attempts"]) for one in days] == [("2026-02-28", 1), ("2026-03-01", 2)]


def test_a_finished_day_is_counted_once_and_outlives_its_facts(database: Database, db: Connection) -> None:
    """Counted, it says the same; a day that is not over by six hours is not; days without attempts don't stop it."""
    crm = insert_connector(db)
    for at in ("2026-03-01 10:00Z", "2026-03-04 10:00Z", "now"):
        attempted(db, crm, at)
    question = "SELECT * FROM outbox_audit.connector_daily ORDER BY day"
    from_facts = rows(db, question)

    assert close_days(database.engine, chore="close days", seconds=600) == 2
    assert rows(db, question) == from_facts
    assert close_days(database.engine, chore="close days", seconds=600) == 0

    rewrite(db, "DELETE FROM outbox.attempt WHERE started_at < '2026-04-01'")
    assert rows(db, question) == from_facts
    assert [str(row["day"]) for row in rows(db, "SELECT day FROM outbox.connector_day ORDER BY day")] == [
        "2026-03-01",
        "2026-03-04",
    ]


def test_a_day_of_tests_alone_does_not_stop_the_counting(database: Database, db: Connection) -> None:
    """What comes after it is counted all the same."""
    crm = insert_connector(db)
    attempted(db, crm, "2026-03-01 10:00Z", kind="test")
    attempted(db, crm, "2026-03-02 10:00Z")

    assert close_days(database.engine, chore="close days", seconds=600) == 1


def test_health_tells_state_queue_and_the_last_hour(db: Connection) -> None:
    """One row a connector that is not removed; what is older than an hour, cancelled, late or a test is left out."""
    well, failing = insert_connector(db, "well"), insert_connector(db, "failing", held_reason="no answer")
    insert_connector(db, "gone", removed_at="now")
    attempted(db, well, "now")
    attempted(db, well, "now", outcome="http_error", settled="dead")
    attempted(db, well, "now", outcome="interrupted", settled="cancelled", status_code=None)
    attempted(db, well, "yesterday", outcome="timeout", status_code=None)
    first = insert_open(db, failing)
    insert_open(db, failing, ready=False)
    insert_open(db, failing, "k2", leased="host:1", due_in=30)

    found = {row["connector"]: row for row in rows(db, "SELECT * FROM outbox_audit.connector_health")}

    assert set(found) == {"well", "failing"}
    hour = ("attempts_last_hour", "ok_last_hour", "dead_last_hour", "answer_p50_ms", "waiting")
    assert [found["well"][name] for name in hour] == [2, 1, 1, 100, 0]
    assert float(found["well"]["success_rate_last_hour"]) == 0.5
    state = ("state", "state_reason", "waiting", "leased", "blocked", "oldest_event_id", "attempts_last_hour")
    assert [found["failing"][name] for name in state] == ["held", "no answer", 3, 1, 1, first, 0]
    assert found["failing"]["oldest_waits_since"] is not None


def test_undelivered_says_what_comes_next(db: Connection) -> None:
    """The next attempt where one comes by itself, and what must happen first."""
    crm, off = insert_connector(db, "crm"), insert_connector(db, "off")
    held = insert_connector(db, "held", held_reason="no answer")
    factories.disable_connector(db, off, "by ann")
    head = insert_open(db, crm, due_in=3600, last_error="HTTP 500")
    behind = insert_open(db, crm, ready=False)
    waits, probed = insert_open(db, off), insert_open(db, held)
    dead = attempted(db, crm, "now", outcome="timeout", error="no answer in 15 s", settled="dead")

    found = {row["event_id"]: row for row in rows(db, "SELECT * FROM outbox_audit.undelivered")}

    assert {event: row["waits_for"] for event, row in found.items()} == {
        head: "its turn",
        behind: f"event {head} of the same contract",
        waits: "its connector is enabled: by ann",
        probed: "its receiver answers: no answer",
        dead: "a person: outbox replay",
    }
    assert {event for event, row in found.items() if row["next_attempt_at"] is not None} == {head, probed}
    assert (found[head]["last_error"], found[dead]["last_error"]) == ("HTTP 500", "no answer in 15 s")


def test_config_changes_tell_who_changed_what(database: Database, db: Connection) -> None:
    """One row for each key that differs, old and new; of secrets and secret headers only that they changed."""
    box, ann = SecretBox((SecretStr(make_key()),)), Author("ann")
    spec = ConnectorSpec.model_validate(
        {
            "name": "crm",
            "business_units": ("bu1",),
            "triggers": (Trigger.UPDATE,),
            "url": "https://a.example/",
            "secret": "planted",
        }
    )
    with database.engine.begin() as connection:
        create_connector(connection, spec, box=box, author=ann)
        standing = find_connector(connection, box, "crm")
        changed = {"url": "https://b.example/", "headers": {"X-Team": "legal"}, "secret": "planted too"}
        edited = ConnectorSpec.model_validate(spec.model_dump() | changed)
        edit_connector(connection, standing, edited, box=box, author=Author("bob", "page"))
        disable_connector(connection, standing.id, reason="a move", author=ann)
        enable_connector(connection, standing.id, author=ann)
        remove_connector(connection, find_connector(connection, box, "crm"), author=ann)

    found = rows(db, "SELECT * FROM outbox_audit.config_changes ORDER BY version, key")

    def of(version: int) -> dict[str, tuple[Any, Any]]:
        return {row["key"]: (row["old"], row["new"]) for row in found if row["version"] == version}

    assert of(1)["url"] == (None, "https://a.example/")
    assert of(2) == {
        "headers.X-Team": (None, "legal"),
        "secret": ("set", "changed"),
        "url": ("https://a.example/", "https://b.example/"),
    }
    assert of(3)["disabled_reason"] == (None, "a move")
    assert of(4)["enabled"] == (False, True)
    assert of(5) == {None: (None, None)}
    assert [row["changed_by"] for row in found if row["version"] == 2] == ["bob"] * 3
    assert {row["action"] for row in found} == {"create", "edit", "disable", "enable", "remove"}
    assert "planted" not in repr(found)


def test_config_changes_tell_of_mappings_too(db: Connection) -> None:
    """What an install changed of the mapping before; an uninstall, but not that an install replaced another."""
    for number, (query, at) in enumerate([("SELECT 1", 0), ("SELECT 2", 60)]):
        db.execute("UPDATE outbox.source SET removed_at = '2026-01-01Z'::timestamptz + %s * interval '1 s'", (at,))
        db.execute(
            "INSERT INTO outbox.source (installed_at, installed_by, mapping, objects) VALUES"
            " ('2026-01-01Z'::timestamptz + %s * interval '1 s' + interval '1 ms', 'dba', %s, '{}')",
            (at, Jsonb({"contract": query, "enable": "origin", "installed": number})),
        )
    question = "SELECT * FROM outbox_audit.config_changes WHERE what = 'mapping' ORDER BY changed_at, key"

    found = rows(db, question)
    assert [(row["action"], row["key"], row["old"], row["new"]) for row in found] == [
        ("install", "contract", None, "SELECT 1"),
        ("install", "enable", None, "origin"),
        ("install", "contract", "SELECT 1", "SELECT 2"),
    ]

    db.execute("UPDATE outbox.source SET removed_at = '2026-02-01Z' WHERE id = (SELECT max(id) FROM outbox.source)")
    assert [row["action"] for row in rows(db, question)][-1] == "uninstall"
