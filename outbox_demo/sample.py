"""A contract database and a receiver to try the guide on: an embedded PostgreSQL with the sample application in it."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg

from outbox.embedded import EmbeddedServer
from outbox.errors import ConfigurationError, OutboxError, RefusedError

SAMPLE = Path(__file__).resolve().parent / "sample.sql"
DATABASE = "contracts"
WAIT_SECONDS = 90.0
LOOK_SECONDS = 0.1


def start(folder: Path) -> Path:
    """Starts both in the background, with all they keep in `folder`; the file of variables to read into a shell."""
    folder = folder.resolve()
    if (folder / "pid").exists():
        raise RefusedError(f"sample start: {_standing(folder)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"sample start: expected a new folder, got {folder}; choose another")
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as lines:
        started = subprocess.Popen(
            [sys.executable, "-m", "outbox_demo.sample", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    variables = folder / "env"
    deadline = time.monotonic() + WAIT_SECONDS
    while not variables.exists():
        if started.poll() is not None or time.monotonic() > deadline:
            started.terminate()
            raise OutboxError(f"the sample did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
        time.sleep(LOOK_SECONDS)
    return variables


def _standing(folder: Path) -> str:
    """What became of the sample that was started in the folder, and what to do."""
    stop_it = f"outbox sample stop {shlex.quote(str(folder))}"
    try:
        written = (folder / "env").read_text(encoding="utf-8")
        url = shlex.split(written.splitlines()[0])[1].partition("=")[2]
        psycopg.connect(url, connect_timeout=5).close()
    except (FileNotFoundError, psycopg.OperationalError):
        return f"the sample in {folder} is dead, its database does not answer; remove it with `{stop_it}`, start again"
    return f"a sample runs in {folder} already; use it with `. {folder / 'env'}`, or end it with `{stop_it}`"


def stop(folder: Path) -> None:
    """Stops both and removes the folder."""
    folder = folder.resolve()
    try:
        number = int((folder / "pid").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RefusedError(f"sample stop: no sample runs in {folder}") from None
    try:
        os.kill(number, signal.SIGTERM)
    except ProcessLookupError:  # it was killed, or the machine was restarted: what is left is the folder
        (folder / "env").unlink(missing_ok=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while (folder / "env").exists():
        if time.monotonic() > deadline:
            raise OutboxError(f"the sample did not stop; its process is {number}")
        time.sleep(LOOK_SECONDS)
    shutil.rmtree(folder)


def serve(folder: Path) -> None:
    """Runs both until SIGTERM or Ctrl-C."""
    ended = threading.Event()
    for order in (signal.SIGINT, signal.SIGTERM):
        signal.signal(order, lambda *_: ended.set())
    (folder / "pid").write_text(str(os.getpid()), encoding="utf-8")
    variables = folder / "env"
    with EmbeddedServer(folder / "postgres") as server, _receiver(folder / "reports.jsonl") as receiver:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        with psycopg.connect(server.dsn(DATABASE)) as connection:
            connection.execute(SAMPLE.read_bytes())
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        written = {
            "OUTBOX_DATABASE_URL": server.dsn(DATABASE),
            "SAMPLE_RECEIVER": f"http://127.0.0.1:{receiver.server_port}/webhook",
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in written.items()]
        lines.append(f'export PATH={shlex.quote(str(server.programs))}:"$PATH"  # psql')
        draft = folder / "env.new"
        draft.touch(mode=0o600)
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
        draft.rename(variables)
        ended.wait()
        receiver.shutdown()
    variables.unlink()


def _receiver(log: Path) -> ThreadingHTTPServer:
    """A receiver on loopback that answers 204 and writes down each report, a line each."""
    writing = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Takes a report."""
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode("utf-8", "replace")
            line = json.dumps({"headers": dict(self.headers), "body": body}, ensure_ascii=False)
            with writing, log.open("a", encoding="utf-8") as reports:
                reports.write(line + "\n")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The reports are the log."""

    log.touch()
    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
