"""`outbox web` and `outbox run --web` as processes: they serve, say what is wrong, and end in good order."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from outbox.access import Role
from outbox.people import add_person
from tests.conftest import Database
from tests.daemons import ends_well, open_deliveries, workers
from tests.factories import connect, create_source, insert_connector, insert_note
from tests.program import Program, program
from tests.receiver import receiver
from tests.relays import wait_for
from tests.served import free_port, listens, serving_command
from tests.web import PASSWORD


@pytest.fixture
def port() -> int:
    """A port of loopback that nobody has."""
    return free_port()


def logged(outbox: Program, event: str) -> list[dict[str, Any]]:
    """Its lines of this name."""
    lines = (outbox.folder / "outbox.log").read_text(encoding="utf-8").splitlines()
    return [one for line in lines if line.startswith("{") and (one := json.loads(line))["event"] == event]


def sign_in(url: str, **headers: str) -> requests.Response:
    """The answer to ada's right password."""
    with requests.Session() as session:
        page = session.get(f"{url}/sign-in", headers=headers, timeout=20)
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        form = {"csrf": csrf, "name": "ada", "password": PASSWORD}
        # The cookie of a form that came by TLS, as the proxy says, goes back although the proxy is ours.
        cookie = f"outbox_form={page.cookies['outbox_form']}"
        return session.post(
            f"{url}/sign-in", data=form, headers={**headers, "Cookie": cookie}, timeout=20, allow_redirects=False
        )


@pytest.mark.parametrize(("trusted", "secure"), [("", False), ("127.0.0.0/8", True)])
def test_a_proxy_is_believed_where_it_is_named(
    database: Database, tmp_path: Path, port: int, trusted: str, *, secure: bool
) -> None:
    """Whose TLS makes the cookie secure, and whose client is the one on record; others may say what they want."""
    outbox = program(tmp_path, database.url, WEB_PORT=str(port), WEB_TRUSTED_PROXIES=trusted)
    with database.engine.begin() as connection:
        add_person(connection, name="ada", role=Role.VIEWER, within=None, password=PASSWORD, created_by="a test")
    with serving_command(outbox, port, "web") as process:
        answer = sign_in(f"http://127.0.0.1:{port}", **{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"})
        ends_well(process, seconds=5)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert ("Secure" in answer.headers["set-cookie"]) is secure
    assert ("strict-transport-security" in answer.headers) is secure
    with database.engine.connect() as connection:
        asked = text("SELECT address FROM outbox.access_record WHERE act = 'signed in'")
        assert connection.execute(asked).scalar_one() == ("203.0.113.7" if secure else "127.0.0.1")
    assert len(logged(outbox, "web_stopped")) == 1


def test_a_port_that_is_taken_is_said_at_once(database: Database, tmp_path: Path) -> None:
    """With the address, the port, and what to change; the exit code is 1. A wrong address is 2."""
    outbox = program(tmp_path, database.url)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        said = outbox("web", "--port", number, code=1)
    assert f"expected to listen on 127.0.0.1 port {number}, got: Address already in use" in said
    assert "web.port" in said
    assert "expected an address of this machine" in outbox("web", "--address", "somewhere", code=2)


def test_pages_for_the_whole_network_without_tls_are_warned_of(database: Database, tmp_path: Path, port: int) -> None:
    """Whoever listens beyond this machine, with no proxy named, reads so in the log; it serves all the same."""
    outbox = program(tmp_path, database.url, WEB_PORT=str(port))
    with serving_command(outbox, port, "web", "--address", "0.0.0.0") as process:  # noqa: S104 (the point)
        ends_well(process, seconds=5)
    [line] = logged(outbox, "web_open")
    assert "TLS" in line["words"]


def children(process: "subprocess.Popen[str]") -> dict[str, int]:
    """The processes that it keeps: what each is, and its id."""
    pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    words = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in pids}
    return {"web" if b"--pages" in line else "worker": pid for pid, line in words.items()}


def test_the_daemon_keeps_the_dashboard_beside_its_worker(database: Database, tmp_path: Path, port: int) -> None:
    """One process each; a dashboard that dies is started again, and all end together, in good order."""
    outbox = program(tmp_path, database.url, WEB_PORT=str(port))
    with serving_command(outbox, port, "run", "--web") as process:
        before = children(process)
        os.kill(before["web"], signal.SIGKILL)
        wait_for(lambda: children(process).get("web", before["web"]) != before["web"], seconds=20)
        wait_for(lambda: listens(port), seconds=20)
        assert children(process)["worker"] == before["worker"]
        pids = children(process)
        ends_well(process, seconds=10)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    assert [line["how"] for line in logged(outbox, "web_ended")] == ["SIGKILL"]
    assert len(logged(outbox, "web_stopped")) == 1


def test_reports_go_out_though_the_dashboard_can_not_be_served(database: Database, tmp_path: Path) -> None:
    """Its port is taken: the log says so, again and again, and the worker delivers."""
    with connect(database) as sql, receiver() as crm, socket.create_server(("127.0.0.1", 0)) as taken:
        create_source(sql)
        insert_connector(sql, "crm", url=f"{crm.url}/crm")
        outbox = program(tmp_path, database.url, WEB_PORT=str(taken.getsockname()[1]))
        process = outbox.start("run", "--web")
        try:
            wait_for(lambda: workers(sql) == 1, seconds=20)
            insert_note(sql)
            wait_for(lambda: len(crm.received) == 1 and open_deliveries(sql) == 0, seconds=20)
            wait_for(lambda: bool(logged(outbox, "web_ended")), seconds=20)
            ends_well(process, seconds=10)
        finally:
            process.kill()
            process.wait()
    assert "Address already in use" in (tmp_path / "outbox.log").read_text(encoding="utf-8")
