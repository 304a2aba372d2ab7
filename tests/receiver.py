"""A real HTTP receiver on loopback that keeps what it got and answers as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """One request as it came; header names in lower case; the address it came from."""

    path: str
    headers: dict[str, str]
    body: bytes
    peer: str = ""


@dataclass(frozen=True)
class Answer:
    """What to answer, after how many seconds."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    seconds: float = 0.0


class Receiver:
    """Serves until closed; `answer` may be replaced at any time."""

    def __init__(self, answer: Callable[[Received], Answer], address: str = "127.0.0.1") -> None:
        self.answer = answer
        self._address = address
        self.received: list[Received] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(length := int(self.headers.get("content-length", 0)))
                if len(body) < length:
                    return  # its sender died half way: that is no report
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Received(self.path, headers, body, self.client_address[0])
                receiver.received.append(got)
                answer = receiver.answer(got)
                receiver.closing.wait(answer.seconds)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Says nothing: tests look at `received`."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                """A sender that was killed closes its socket; that is no fault here."""

        self._server = Server((address, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._address}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Ends the server and whatever answer is being waited for."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiver(
    answer: Callable[[Received], Answer] = lambda _: Answer(), *, address: str = "127.0.0.1"
) -> Iterator[Receiver]:
    """A receiver for the length of a test."""
    running = Receiver(answer, address)
    try:
        yield running
    finally:
        running.close()
