"""`outbox run` as others watch it: over a real socket, through an outage, and by a hook, with several daemons."""

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path

from tests.conftest import Database
from tests.daemons import HURRY, daemon, ends_well, own_server, workers
from tests.factories import connect, create_source, insert_connector, insert_note
from tests.integration.test_monitor import free_port
from tests.program import program
from tests.receiver import receiver
from tests.relays import wait_for


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


def total(ports: list[int], series: str) -> float:
    """A counter, added up over the processes."""
    lines = [line for port in ports for line in get(port, "/metrics")[1].splitlines()]
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series + " "))


def test_two_processes_count_each_its_own_and_one_for_all(database: Database, tmp_path: Path) -> None:
    """Ports from the one that is set on; what both did is the sum, how the outbox stands is told once."""
    ports = [free_port()]
    ports.append(ports[0] + 1)
    with connect(database) as sql, receiver() as crm:
        create_source(sql)
        insert_connector(sql, url=crm.url)
        outbox = program(tmp_path, database.url, METRICS_PORT=str(ports[0]), **HURRY)
        process = outbox.start("run", "--processes", "2")
        try:
            wait_for(lambda: all(get(port, "/ready")[0] == 200 for port in ports))
            for n in range(40):
                insert_note(sql, f"k{n}")
            wait_for(lambda: total(ports, 'outbox_deliveries_settled_total{connector="crm",settled="delivered"}') == 40)

            assert total(ports, "outbox_events_routed_total") == 40
            assert total(ports, "outbox_deliveries_claimed_total") == 40
            assert total(ports, 'outbox_attempts_total{connector="crm",outcome="ok"}') == 40
            assert total(ports, 'outbox_attempt_seconds_count{connector="crm"}') == 40
            assert total(ports, "outbox_database_up") == 1
            assert [get(port, "/live")[0] for port in ports] == [200, 200]
            ends_well(process, seconds=30)
        finally:
            process.kill()
            process.wait()
    assert [get(port, "/live")[0] for port in ports] == [0, 0]


def test_an_outage_makes_a_worker_unready_and_keeps_it_live(tmp_path: Path) -> None:
    """While the database is away it says so; when it is back the same process is ready again, and counted the outage.

    It says so too while it waits for a database at its start.
    """
    port = free_port()
    with own_server() as database, connect(database) as sql:
        outbox = program(tmp_path, database.url, METRICS_PORT=str(port), **HURRY)
        with daemon(outbox, sql) as process:
            wait_for(lambda: get(port, "/ready")[0] == 200)
            server = database.server.child_process
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
            database.server.child_process = None
            wait_for(lambda: get(port, "/ready")[0] == 503)
            assert "the database does not answer" in json.loads(get(port, "/ready")[1])["why"][0]
            assert get(port, "/live")[0] == 200
            wait_for(lambda: total([port], "outbox_poll_failures_total") > 0)
            wait_for(lambda: "outbox_database_up 0.0" in get(port, "/metrics")[1])

            late = program(tmp_path, database.url, METRICS_PORT=str(port + 1), **HURRY).start("run")
            try:
                wait_for(lambda: get(port + 1, "/ready")[0] == 503)
                assert "has not started" in json.loads(get(port + 1, "/ready")[1])["why"][0]
                assert get(port + 1, "/live")[0] == 200

                database.server.start()
                wait_for(lambda: get(port, "/ready")[0] == get(port + 1, "/ready")[0] == 200)
                assert process.poll() is None
                ends_well(late, seconds=30)
            finally:
                late.kill()
                late.wait()
            ends_well(process, seconds=30)


def test_two_processes_tell_the_hook_once_and_so_do_those_after_them(database: Database, tmp_path: Path) -> None:
    """Both look as they start; a restart tells nothing anew."""
    look = "SELECT FROM outbox.periodic WHERE name = 'alerts' AND last_run > '-infinity'"
    with connect(database) as sql, receiver() as hook:
        insert_connector(sql, held_reason="its receiver fails")
        outbox = program(tmp_path, database.url, ALERTS_URL=hook.url, **HURRY)
        process = outbox.start("run", "--processes", "2")
        try:
            wait_for(lambda: workers(sql) == 2)
            wait_for(lambda: sql.execute("SELECT told FROM outbox_audit.alerts").fetchall() == [(1,)])
            ends_well(process, seconds=30)
        finally:
            process.kill()
            process.wait()
        sql.execute("UPDATE outbox.periodic SET last_run = '-infinity' WHERE name = 'alerts'")
        sql.execute("UPDATE outbox.alert SET tried_at = tried_at - interval '1 minute'")
        with daemon(outbox, sql) as again:
            wait_for(lambda: sql.execute(look).rowcount == 1)
            ends_well(again, seconds=30)

    written = [json.loads(got.body) for got in hook.received]
    assert [(one["telling"], one["rule"], one["subject"]) for one in written] == [("raised", "connector_held", "crm")]
