"""The receivers: real HTTP servers on loopback, each with a temper and a log of its own; one is for your connectors.

A log line is written before the answer is sent: what the log says was answered, its sender may rely on.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
DESK_USER = "desk"
DESK_SECRET = "OUTBOX_DEMO_DESK_SECRET"  # noqa: S105 a variable's name
GUEST = "yours"
"""The receiver of what is made on the dashboard; no book demands anything of it, so its log stands beside theirs."""
FLAKY_PERCENT = 20
TWICE_PERCENT = 5
CLOSE = 0
"""In place of a status: the connection is closed without an answer."""


@dataclass
class Receiver:
    """One remote system; `planned_port` stands in the sample connectors, `temper` is for people to read."""

    name: str
    planned_port: int
    temper: str
    content_type: str = JSON
    credentials: bytes | None = None
    flaky: bool = False
    slow: bool = False
    patient: bool = False
    refused: Counter[str] = field(default_factory=Counter)

    def answer(self, headers: Message, body: bytes) -> int:
        """The status for one request, or CLOSE."""
        if self.slow:
            time.sleep(0.2 + _die(headers.get("webhook-id", ""), "slow") / 100 * 0.2)
        if self.patient:
            return 200
        if self.credentials is not None and not hmac.compare_digest(
            headers.get("Authorization", "").encode(), b"Basic " + base64.b64encode(self.credentials)
        ):
            return 401
        if headers.get("Content-Type", "").partition(";")[0] != self.content_type:
            return 415
        if not read_report(self.content_type, body):
            return 400
        return self._mood(headers.get("webhook-id", "")) if self.flaky else 200

    def _mood(self, webhook_id: str) -> int:
        """A fifth of the reports are refused at first, some of them twice; then all is well."""
        die = _die(webhook_id, "mood")
        times = 2 if die < TWICE_PERCENT else 1 if die < FLAKY_PERCENT else 0
        if self.refused[webhook_id] >= times:
            return 200
        self.refused[webhook_id] += 1
        return (500, 503, CLOSE)[die % 3]


def receivers(desk_secret: str) -> tuple[Receiver, ...]:
    """All of them; `desk_secret` is what the signing desk's caller must know."""
    return (
        Receiver("crm", 8801, "JSON"),
        Receiver("erp", 8802, "form", content_type=FORM),
        Receiver("desk", 8803, "401 without auth", credentials=f"{DESK_USER}:{desk_secret}".encode()),
        Receiver("lake", 8804, "flaky: 20 % fail", flaky=True),
        Receiver("group", 8805, "slow: 200-400 ms", slow=True),
    )


def guest() -> Receiver:
    """One that takes whatever comes."""
    return Receiver(GUEST, 8806, "takes all", patient=True)


def guest_url(ports: Mapping[str, int]) -> str:
    """Where it listens; `ports` says which port each planned one became."""
    return f"http://127.0.0.1:{ports[str(guest().planned_port)]}/{GUEST}"


def read_report(content_type: str, body: bytes) -> dict[str, str]:
    """The envelope of a report, as words; empty when the body is no report."""
    try:
        if content_type == FORM:
            envelope = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
        else:
            envelope = json.loads(body)
        return {name: str(envelope[name]) for name in ("id", "trigger", "contract_id", "occurred_at")}
    except (ValueError, KeyError, TypeError):
        return {}


class Log:
    """One receiver's own book: a JSON line for each request."""

    def __init__(self, file: Path) -> None:
        self._out = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, line: dict[str, Any]) -> None:
        """Writes one line through to the file."""
        written = json.dumps(line, ensure_ascii=False) + "\n"
        with self._lock:
            self._out.write(written)
            self._out.flush()

    def close(self) -> None:
        """Closes the book."""
        self._out.close()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "ReceiverServer"

    def do_POST(self) -> None:
        """One report."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        receiver = self.server.receiver
        status = receiver.answer(self.headers, body)
        report = read_report(receiver.content_type, body)
        self.server.log.write(
            {
                "at": datetime.now(UTC).isoformat(),
                "receiver": receiver.name,
                "path": self.path,
                "webhook_id": self.headers.get("webhook-id"),
                "event": report.get("id"),
                "trigger": report.get("trigger"),
                "contract": report.get("contract_id"),
                "occurred_at": report.get("occurred_at"),
                "status": status or None,
                "sha256": hashlib.sha256(body).hexdigest(),
            }
        )
        if status == CLOSE:
            self.close_connection = True
            return
        self.send_response(status)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="desk", charset="UTF-8"')
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """The book says it all."""


class ReceiverServer(ThreadingHTTPServer):
    """A receiver listening on a free loopback port."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, receiver: Receiver, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver
        self.log = Log(folder / f"{receiver.name}.jsonl")

    def server_close(self) -> None:
        """Closes the socket and the book."""
        super().server_close()
        self.log.close()


def main() -> int:
    """Serves until SIGTERM; `ports.json` in the folder says, once all listen, which port each one got."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    folder: Path = parser.parse_args().folder
    stop = threading.Event()
    for order in (signal.SIGTERM, signal.SIGINT):
        signal.signal(order, lambda *_: stop.set())
    servers = [ReceiverServer(receiver, folder) for receiver in receivers(os.environ[DESK_SECRET])]
    servers.append(ReceiverServer(guest(), folder.parent))
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = {str(server.receiver.planned_port): server.server_port for server in servers}
    written = folder / "ports.json.new"
    written.write_text(json.dumps(ports), encoding="utf-8")
    written.rename(folder / "ports.json")
    stop.wait()
    for server in servers:
        server.shutdown()
        server.server_close()
    return 0


def _die(word: str, salt: str) -> int:
    """0 to 99, the same for the same word: whether a report fails doesn't hang on the hour."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{word}".encode()).digest()[:4]) % 100


if __name__ == "__main__":
    sys.exit(main())
