"""The product's own processes: which transports it has, and N separate `outbox run` on one database."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import get_args

from benchmarks.ground import Database
from outbox.errors import ConfigurationError, OutboxError
from outbox.sender import make_transport
from outbox.settings import Sender
from outbox_demo.processes import environment

_START_SECONDS = 30.0
_STOP_SECONDS = 40.0
_LISTENING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'contract-outbox wake' AND query LIKE 'LISTEN%'"
)


def transports() -> list[str]:
    """The transports that this product knows and that work here."""
    known = [name for name in get_args(Sender.model_fields["transport"].annotation) if name != "auto"]
    return [name for name in known if _works(name)]


def _works(name: str) -> bool:
    try:
        make_transport(Sender.model_validate({"transport": name})).close()
    except ConfigurationError:
        return False
    return True


@cache
def _one_process() -> tuple[str, ...]:
    """What makes `outbox run` one process, where it could be several."""
    said = subprocess.run([sys.executable, "-m", "outbox", "run", "--help"], capture_output=True, text=True, check=True)
    return ("--processes", "1") if "--processes" in said.stdout else ()


@contextmanager
def workers(database: Database, count: int, *, transport: str = "auto", **settings: str) -> Iterator[list[int]]:
    """So many workers that listen already; their process ids. `settings` are OUTBOX_ variables without that prefix."""
    configuration = database.ground.folder / "config"
    configuration.mkdir(exist_ok=True)
    variables = {
        "CONFIG": str(configuration),
        "DATABASE_URL": database.url,
        "SENDER_ALLOW_NETWORKS": "127.0.0.0/8",
        "SENDER_TRANSPORT": transport,
        **settings,
    }
    log = database.ground.folder / f"{database.name}.log"
    with log.open("ab") as lines:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "outbox", "run", *_one_process()],
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                env=environment({f"OUTBOX_{name}": value for name, value in variables.items()}),
            )
            for _ in range(count)
        ]
    try:
        _await_listening(database, started, log)
        yield [process.pid for process in started]
        if any(process.poll() is not None for process in started):
            raise OutboxError(f"a worker ended by itself:\n{_tail(log)}")
    finally:
        _stop(started)


def _await_listening(database: Database, started: list["subprocess.Popen[bytes]"], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with database.connect() as connection:
        while connection.execute(_LISTENING).fetchall()[0][0] < len(started):
            if time.monotonic() > deadline or any(process.poll() is not None for process in started):
                raise OutboxError(f"expected {len(started)} workers to start, they did not:\n{_tail(log)}")
            time.sleep(0.05)


def _stop(started: list["subprocess.Popen[bytes]"]) -> None:
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
