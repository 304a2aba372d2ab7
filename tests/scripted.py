"""Receivers that answer byte by byte as a script says: hostile, broken, slow."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self


class Peer:
    """The receiver's side of one connection; `number` counts the connections from 1."""

    def __init__(self, connection: socket.socket, number: int, receiver: "ScriptedReceiver") -> None:
        self.connection = connection
        self.number = number
        self._receiver = receiver
        self._buffered = b""

    def read_request(self) -> bytes:
        """Reads one whole request, head and body, and keeps it in `receiver.requests`; b"" when there is none."""
        while b"\r\n\r\n" not in self._buffered:
            if not self._receive():
                return b""
        head, _, rest = self._buffered.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        while len(rest) < length:
            if not self._receive():
                return b""
            rest = self._buffered.partition(b"\r\n\r\n")[2]
        self._buffered = rest[length:]
        request = head + b"\r\n\r\n" + rest[:length]
        self._receiver.requests.append(request)
        return request

    def _receive(self) -> bool:
        piece = self.connection.recv(65_536)
        self._buffered += piece
        return piece != b""

    def send(self, *pieces: bytes) -> None:
        """Sends the pieces as one."""
        self.connection.sendall(b"".join(pieces))

    def drip(self, piece: bytes, *, seconds: float = 0.05) -> None:
        """Sends `piece` again and again, until the sender goes away."""
        while not self._receiver.closing.wait(seconds):
            self.send(piece)

    def flood(self, piece: bytes) -> None:
        """Sends `piece` again and again without a pause, until the sender goes away."""
        while not self._receiver.closing.is_set():
            self.send(piece)
            self._receiver.flooded += len(piece)

    def wait(self) -> None:
        """Does nothing until the test is over."""
        self._receiver.closing.wait()

    def reset(self) -> None:
        """Closes with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Script = Callable[[Peer], None]


class ScriptedReceiver:
    """Listens on loopback and runs `script` for each connection, in a thread of its own, until closed."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.flooded = 0
        self.closing = threading.Event()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where it listens, as a URL."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hook"

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.connections))
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        """A sender that goes away in the middle, or refuses our certificate, is no fault of the receiver."""
        connection = plain
        with contextlib.suppress(OSError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(plain, server_side=True)
                self._open.append(connection)
            self.script(Peer(connection, number, self))
        with contextlib.suppress(OSError):
            connection.close()
            plain.close()

    def close(self) -> None:
        """Ends every script and thread."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
            assert not thread.is_alive(), "a script did not end"
        for connection in self._open:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def answer(status: int = 200, body: bytes = b"ok", **headers: str) -> bytes:
    """A whole answer; underscores in header names become hyphens."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answering(*answers: bytes) -> Script:
    """Answers each request of a connection, repeating the last answer, as long as the sender keeps it open."""

    def script(peer: Peer) -> None:
        following = _repeating(answers)
        while peer.read_request():
            peer.send(next(following))

    return script


def _repeating(answers: tuple[bytes, ...]) -> Iterator[bytes]:
    yield from answers
    while True:
        yield answers[-1]
