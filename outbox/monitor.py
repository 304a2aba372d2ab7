"""The port by which others watch a process: /metrics for Prometheus, /live and /ready for whoever starts it anew."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox import standing
from outbox.db import first_line, make_engine
from outbox.errors import SchemaError
from outbox.gauges import Gauges
from outbox.kept import Kept
from outbox.log import get_log
from outbox.metrics import Measures
from outbox.migrations import check_schema
from outbox.settings import Settings

LIVE_SECONDS = 120.0
"""A loop that has not turned for so long hangs: longer than any statement, lock or lost connection takes."""
READY_SECONDS = 1.0
PATIENCE_SECONDS = 4.0
BIND_AGAIN_SECONDS = 10.0
READ_SECONDS = 10.0
CLOSE_SECONDS = 0.2

Application: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Monitor:
    """Serves one process's port, if any, from `start` to `close`; `place` is its number among those of `outbox run`.

    The first of them tells how the outbox stands as a whole: that is one for all, and read once.
    """

    def __init__(self, settings: Settings, measures: Measures, *, place: int) -> None:
        self._address = settings.metrics.address
        self._port = settings.metrics.port and settings.metrics.port + place
        self._measures = measures
        self._engine = make_engine(settings, pool_size=2, name="contract-outbox watch")
        if place == 0:
            gauges = Gauges(self._engine, heartbeat_seconds=settings.relay.heartbeat_seconds)
            measures.registry.register(gauges)
        self._paths: dict[str, Application] = {
            "/metrics": make_wsgi_app(measures.registry),
            "/live": self._live,
            "/ready": self._is_ready,
        }
        self._ready = Kept(lambda: _look(self._engine), seconds=READY_SECONDS, patience=PATIENCE_SECONDS)
        self.unready: str | None = "this worker has not started: it waits for the database"
        self._closed = threading.Event()

    def start(self) -> None:
        """Listens in a thread; a port that is taken is tried again, for delivering doesn't depend on being watched."""
        if self._port:
            threading.Thread(target=self._serve, name="monitor", daemon=True).start()

    def close(self) -> None:
        """Ends the server and its connections to the database."""
        self._closed.set()
        self._engine.dispose()

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                server = _Server(self._address, self._port, self._answer)
            except (OSError, OverflowError) as error:
                get_log().error("port_not_opened", port=self._port, error=str(error), retry_seconds=BIND_AGAIN_SECONDS)
                self._closed.wait(BIND_AGAIN_SECONDS)
                continue
            get_log().info("watched", address=self._address, port=self._port)
            with server:
                while not self._closed.is_set():
                    server.handle_request()

    def _answer(self, request: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._paths.get(request["PATH_INFO"])
        if answer is not None:
            return answer(request, respond)
        respond("404 Not Found", [("Content-Type", "application/json")])
        return [json.dumps({"paths": list(self._paths)}).encode() + b"\n"]

    def _live(self, request: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        del request
        return _say(respond, "live", self._why_not_live())

    def _is_ready(self, request: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        del request
        return _say(respond, "ready", self._why_not_ready())

    def _why_not_live(self) -> list[str]:
        still = time.monotonic() - self._measures.beat_at
        return [f"the relay's loop has not turned for {still:.0f} s"] if still > LIVE_SECONDS else []

    def _why_not_ready(self) -> list[str]:
        why = [] if self.unready is None else [self.unready]
        try:
            fault = self._ready.get()
        except DBAPIError as error:
            fault = f"the database does not answer: {first_line(error)}"
        except TimeoutError:
            fault = f"the database has not answered for {PATIENCE_SECONDS:.0f} s"
        return [*why, fault] if fault else why


def _look(engine: Engine) -> str | None:
    """What is wrong with the schema of a database that answers."""
    with engine.connect() as connection:
        standing.limit(connection)
        try:
            check_schema(connection)
        except SchemaError as error:
            return str(error)
    return None


def _say(respond: Callable[..., Any], word: str, why: list[str]) -> Iterable[bytes]:
    respond("503 Service Unavailable" if why else "200 OK", [("Content-Type", "application/json")])
    return [json.dumps({word: not why, "why": why}).encode() + b"\n"]


class _Handler(WSGIRequestHandler):
    timeout = READ_SECONDS

    def log_message(self, *_: object) -> None:
        """Says nothing: those who watch ask every few seconds."""


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each in a thread of its own, none of which keeps the process."""

    daemon_threads = True
    timeout = CLOSE_SECONDS

    def __init__(self, address: str, port: int, application: Application) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _Handler)
        self.set_app(application)

    def server_bind(self) -> None:
        """Without the base class's look-up of its own name, which a slow name server holds up."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()
