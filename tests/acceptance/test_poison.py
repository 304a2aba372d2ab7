"""Poison: reports that can't be built, answers that can't be stored as they came, a row that kills its worker."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.conftest import Database
from tests.daemons import HURRY, daemon, ends_well, open_deliveries
from tests.factories import Connection, connect, create_source, insert_connector, insert_note
from tests.leases import attempts_of
from tests.program import Program, program
from tests.receiver import Answer, Received, Receiver, receiver
from tests.relays import numbers, wait_for
from tests.scripted import Peer, ScriptedReceiver, answer

NUL, BROKEN = b"a\0b", b"\xff\xfe\xc3"
ANSWERS: dict[str, tuple[bytes, str]] = {
    "nul in the body": (answer(body=NUL), "ok"),
    "no utf-8 in the body": (answer(500, BROKEN), "http_error"),
    "nul in a header": (b"HTTP/1.1 200 OK\r\nx-a: " + NUL + b"\r\ncontent-length: 0\r\n\r\n", "ok protocol"),
    "no utf-8 in a header": (b"HTTP/1.1 200 OK\r\nx-a: " + BROKEN + b"\r\ncontent-length: 0\r\n\r\n", "ok"),
    "no utf-8 in the reason": (b"HTTP/1.1 500 " + BROKEN + b"\r\ncontent-length: 0\r\n\r\n", "http_error"),
    "nul in the reason": (b"HTTP/1.1 500 " + NUL + b"\r\ncontent-length: 0\r\n\r\n", "http_error protocol"),
    "a megabyte in a header": (answer(200, x_a="y" * 2**20), "protocol"),
    "a megabyte of headers": (b"HTTP/1.1 200 OK\r\n" + b"x-a: y\r\n" * 2**17 + b"\r\n", "protocol"),
    "a megabyte in the reason": (b"HTTP/1.1 200 " + b"y" * 2**20 + b"\r\ncontent-length: 0\r\n\r\n", "protocol"),
    "no http": (NUL + BROKEN, "protocol"),
    "a location of noise": (answer(302, location="\x7f\x1bhttp://[::"), "http_error"),
}
"""What a receiver answers, and the outcome on record; where transports may differ, each that is right."""


@pytest.fixture
def sql(database: Database) -> Iterator[Connection]:
    """A connection to arrange and to look with; the source's functions stand."""
    with connect(database) as connection:
        create_source(connection)
        yield connection


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """A receiver."""
    with receiver() as running:
        yield running


def answering_by_path(peer: Peer) -> None:
    """Answers as the number in the request's path says."""
    request = peer.read_request()
    peer.send(list(ANSWERS.values())[int(request.split(b" ")[1].rpartition(b"/")[2])][0])


def test_poison_ends_as_an_attempt_and_never_as_a_crash(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """Each is recorded once, with its outcome; the same process goes on and delivers what is sound."""
    outbox = program(tmp_path, database.url, **HURRY, REPORT_MAX_BYTES="4096")
    with ScriptedReceiver(answering_by_path) as hostile:
        connectors = {
            name: insert_connector(sql, f"c{n}", url=f"{hostile.url}/{n}", timeout_seconds=2.0, schedule=[3600.0])
            for n, name in enumerate(ANSWERS)
        }
        sound = insert_connector(sql, url=crm.url)
        with daemon(outbox, sql) as process:
            unbuildable = [
                insert_note(sql, "k1", document={"title": "x" * 10_000}),
                insert_note(sql, "k2", document='{"deep":' + "[" * 4000 + "]" * 4000 + "}"),
            ]
            event = insert_note(sql, "k3")
            wait_for(lambda: len(_outcomes(sql, event)) == len(ANSWERS) + 1)
            wait_for(lambda: all(len(_outcomes(sql, one)) == len(ANSWERS) + 1 for one in unbuildable))
            ends_well(process, seconds=30)

    expected = {sound: "ok"} | {connectors[name]: outcome for name, (_, outcome) in ANSWERS.items()}
    came = _outcomes(sql, event)
    assert came.keys() == expected.keys()
    assert {one: outcome for one, outcome in came.items() if outcome not in expected[one].split()} == {}
    for one in unbuildable:
        assert _outcomes(sql, one) == dict.fromkeys(expected, "report")
    assert numbers(crm) == [(f"dlv_{event}_{sound}", "1")]
    assert sql.execute("SELECT max(number) FROM outbox.attempt").fetchall() == [(1,)]
    assert "Traceback" not in (tmp_path / "outbox.log").read_text()


def _outcomes(sql: Connection, event: int) -> dict[int, str]:
    rows = sql.execute("SELECT connector_id, outcome FROM outbox.attempt WHERE event_id = %s", [event])
    return {int(str(connector)): str(outcome) for connector, outcome in rows}


class Doomed:
    """A daemon that somebody starts again whenever it dies, as a service manager does."""

    def __init__(self, outbox: Program) -> None:
        self.deaths: list[int] = []
        self._outbox = outbox
        self._ending = threading.Event()
        self.process = outbox.start("run")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            code = self.process.wait()
            if self._ending.is_set():
                return
            self.deaths.append(code)
            self.process = self._outbox.start("run")

    def __enter__(self) -> Self:
        return self

    def end_well(self) -> None:
        """Ends it as a service manager does."""
        self._ending.set()
        ends_well(self.process, seconds=30)

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.process.kill()
        self._thread.join()


@pytest.mark.soak
@pytest.mark.slow
def test_a_row_that_kills_its_worker_dies_and_takes_none_with_it(
    database: Database, sql: Connection, crm: Receiver, tmp_path: Path
) -> None:
    """SIGKILL whenever it is being sent: dead after its tries; its neighbours in each batch are delivered."""
    outbox = program(tmp_path, database.url, **HURRY)
    connector = insert_connector(sql, url=crm.url, timeout_seconds=0.8, schedule=[0.0] * 3)
    with database.connect() as writer:
        poison, *neighbours = [insert_note(writer, f"k{n}") for n in range(5)]
        after = insert_note(sql, "k0")
        with Doomed(outbox) as running:

            def answer_or_kill(got: Received) -> Answer:
                if got.headers["webhook-id"] != f"dlv_{poison}_{connector}":
                    return Answer(seconds=0.3 if got.headers["outbox-attempt"] in ("1", "2") else 0.0)
                running.process.kill()
                return Answer()

            crm.answer = answer_or_kill
            writer.commit()
            wait_for(lambda: open_deliveries(sql) == 0, seconds=90)
            running.end_well()

    assert running.deaths == [-9] * 4
    assert [row[1:4:2] for row in attempts_of(sql, poison)] == [("lost", None)] * 4 + [("interrupted", "dead")]
    assert {event: attempts_of(sql, event)[-1][3] for event in (*neighbours, after)} == dict.fromkeys(
        (*neighbours, after), "delivered"
    )
