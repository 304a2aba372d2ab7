"""The port of a process: what it answers, from what it reads, and what it does when it can't."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from outbox import gauges, monitor, standing
from outbox.metrics import Measures
from outbox.monitor import Monitor
from outbox.settings import Settings
from outbox.watching import Metrics
from tests.conftest import Database
from tests.factories import Connection, connect, hold, insert_connector, insert_note, insert_open
from tests.postgres import find_tool
from tests.relays import settings_for, wait_for

Start = Callable[..., Monitor]

FIGURES = {
    "outbox_database_up": 1,
    "outbox_unrouted_events": 1,
    "outbox_capture_errors": 1,
    "outbox_workers": 1,
    'outbox_overdue_age_seconds{connector="the \\"ERP\\"\\\\"}': 0,
    'outbox_backlog_deliveries{connector="crm",state="pending"}': 2,
    'outbox_backlog_deliveries{connector="crm",state="blocked"}': 1,
    'outbox_backlog_deliveries{connector="crm",state="leased"}': 1,
    'outbox_backlog_deliveries{connector="the \\"ERP\\"\\\\",state="held"}': 1,
    'outbox_connector_state{connector="crm",state="enabled"}': 1,
    'outbox_connector_state{connector="the \\"ERP\\"\\\\",state="held"}': 1,
    "outbox_default_partitions_filled": 0,
    'outbox_chore_last_run_timestamp_seconds{chore="drift"}': 1795564800,
}
"""How a planted outbox stands, series by series."""


@pytest.fixture
def db(database: Database) -> Iterator[Connection]:
    """A connection whose every insert stands at once."""
    with connect(database) as connection:
        yield connection


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody listens at."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def settings(database: Database, port: int, address: str = "127.0.0.1") -> Settings:
    """Settings with a port."""
    return settings_for(database).model_copy(update={"metrics": Metrics(port=port, address=address)})


def get(port: int, path: str, address: str = "127.0.0.1") -> tuple[int, str]:
    """Status and body; 0 where nobody answers."""
    host = f"[{address}]" if ":" in address else address
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts monitors of a process that has started, and closes them; waits until each answers."""
    started: list[Monitor] = []

    def run(chosen: Settings, measures: Measures | None = None, *, place: int = 0) -> Monitor:
        started.append(Monitor(chosen, measures or Measures(), place=place))
        started[-1].unready = None
        started[-1].start()
        wait_for(lambda: get(chosen.metrics.port + place, "/", chosen.metrics.address)[0] == 404)
        return started[-1]

    yield run
    for one in started:
        one.close()


def sample(text: str, name: str) -> float:
    """The value of a series, as it stands in the text."""
    [line] = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.rpartition(" ")[2])


def test_the_outbox_stands_as_its_tables_say(database: Database, db: Connection, start: Start) -> None:
    """Each figure that is read from the database, and promtool finds nothing to mend in the text."""
    crm, erp = insert_connector(db), insert_connector(db, 'the "ERP"\\')
    hold(db, erp)
    insert_open(db, crm, due_in=-100)
    insert_open(db, crm, due_in=3600)
    insert_open(db, crm, "k2", ready=False)
    insert_open(db, crm, "k3", leased="w1", due_in=30)
    insert_open(db, erp, due_in=-1000)
    insert_note(db, "1")
    db.execute("UPDATE outbox.inbox SET occurred_at = now() - interval '40 s'")
    db.execute("INSERT INTO outbox.capture_error (rule, sqlstate, message) VALUES ('r', '42703', 'm')")
    db.execute("INSERT INTO outbox.periodic VALUES ('drift', '2026-11-25Z'), ('never', '-infinity')")
    db.execute("INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('w1', 'h', 1, '0', 'curl')")
    port = free_port()
    start(settings(database, port))

    status, text = get(port, "/metrics")

    assert status == 200
    assert (
        100 <= sample(text, "outbox_lag_seconds") == sample(text, 'outbox_overdue_age_seconds{connector="crm"}') < 400
    )
    assert 40 <= sample(text, "outbox_unrouted_age_seconds") < 340
    for name, expected in FIGURES.items():
        assert sample(text, name) == expected, name
    assert 'chore="never"' not in text
    checked = subprocess.run(
        [find_tool("promtool", "prometheus"), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_the_backlog_is_told_as_the_views_tell_it(database: Database, db: Connection) -> None:
    """One pass over the queue says of each state what outbox_audit.deliveries says."""
    crm, erp = insert_connector(db), insert_connector(db, "erp", held_reason="it fails")
    for n, one in enumerate((crm, crm, erp, erp)):
        insert_open(db, one, f"k{n}")
        insert_open(db, one, f"k{n}", ready=False)
        insert_open(db, one, f"x{n}", leased="w1", due_in=600 if n % 2 else -600)
    with database.engine.connect() as connection:
        told = dict(standing.read_backlog(connection).deliveries)
    views = db.execute("SELECT connector, state, count(*) FROM outbox_audit.deliveries GROUP BY 1, 2").fetchall()
    assert told == {(connector, state): count for connector, state, count in views}


def test_only_the_first_process_reads_for_all(database: Database, start: Start) -> None:
    """Further ones have the next port, and figures of their own alone."""
    port = free_port()
    start(settings(database, port - 1), place=1)

    text = get(port, "/metrics")[1]

    assert "outbox_poll_failures_total" in text
    assert "outbox_database_up" not in text


def test_however_often_it_is_asked_the_database_is_read_once(database: Database, db: Connection, start: Start) -> None:
    """What was read is kept for a while."""
    port = free_port()
    start(settings(database, port))
    insert_note(db)
    assert sample(get(port, "/metrics")[1], "outbox_unrouted_events") == 1
    insert_note(db, "k2")
    assert sample(get(port, "/metrics")[1], "outbox_unrouted_events") == 1


def test_a_database_that_hangs_holds_nobody_up_for_ever(
    database: Database, db: Connection, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is locked: the reading is given up, the figures of the process are told, the port answers."""
    monkeypatch.setattr(gauges, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(gauges, "SHARE", 0.0)
    port = free_port()
    start(settings(database, port))
    with database.connect() as other:
        other.execute("LOCK TABLE outbox.queue")
        locked = get(port, "/metrics")[1]
        assert get(port, "/ready")[0] == 200
        other.rollback()

    assert sample(locked, "outbox_database_up") == 1
    assert "\noutbox_lag_seconds " not in locked
    assert "outbox_poll_failures_total" in locked
    assert sample(get(port, "/metrics")[1], "outbox_lag_seconds") == 0
    assert db.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone() == (0,)


def test_live_is_a_loop_that_turns(database: Database, start: Start) -> None:
    """Whatever the database does; a loop that has stood still says for how long."""
    port, measures = free_port(), Measures()
    start(settings(database, port), measures)
    assert get(port, "/live") == (200, '{"live": true, "why": []}\n')

    measures.beat_at = time.monotonic() - monitor.LIVE_SECONDS - 1
    status, said = get(port, "/live")
    assert (status, json.loads(said)["live"]) == (503, False)
    assert json.loads(said)["why"] == ["the relay's loop has not turned for 121 s"]

    measures.beat()
    assert get(port, "/live")[0] == 200


def test_ready_says_every_reason_why_not(empty_database: Database, start: Start) -> None:
    """A worker that waits, and a schema that is missing."""
    port = free_port()
    start(settings(empty_database, port)).unready = "this worker has not started: it waits for the database"
    status, said = get(port, "/ready")
    assert status == 503
    assert json.loads(said) == {
        "ready": False,
        "why": [
            "this worker has not started: it waits for the database",
            "expected schema outbox in this database, got none; run `outbox migrate`",
        ],
    }


def test_other_paths_and_methods_are_refused(database: Database, start: Start) -> None:
    """It says what there is, and takes nothing."""
    port = free_port()
    start(settings(database, port))
    assert get(port, "/metricss") == (404, '{"paths": ["/metrics", "/live", "/ready"]}\n')
    post = f"http://127.0.0.1:{port}/metrics"
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(post, data=b"x", timeout=30)


def test_a_client_that_says_nothing_holds_up_no_other(database: Database, start: Start) -> None:
    """Each has a thread of its own."""
    port = free_port()
    start(settings(database, port))
    with closing(socket.create_connection(("127.0.0.1", port))):
        assert get(port, "/live")[0] == 200


def test_it_listens_at_ipv6_too(database: Database, start: Start) -> None:
    """The address decides the family."""
    port = free_port("::1")
    start(settings(database, port, "::1"))
    assert get(port, "/ready", "::1")[0] == 200


def test_a_port_that_is_taken_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error in the log and nothing else: delivering doesn't depend on being watched."""
    monkeypatch.setattr(monitor, "BIND_AGAIN_SECONDS", 0.05)
    port = free_port()
    with capture_logs() as lines, closing(Monitor(settings(database, port), Measures(), place=0)) as running:
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            running.start()
            wait_for(lambda: any(line["event"] == "port_not_opened" for line in lines))
        wait_for(lambda: get(port, "/live")[0] == 200)


def test_no_port_is_opened_unless_asked_for(database: Database) -> None:
    """The default; `place` changes nothing about it."""
    with capture_logs() as lines, closing(Monitor(settings_for(database), Measures(), place=3)) as running:
        running.start()
    assert lines == []
