"""Sockets that shrink their timeout to the exchange's deadline before each operation, so that no drip outlives it."""

import socket
import ssl
from typing import TYPE_CHECKING

from outbox.sender.exchange import Exchange

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class PlainSocket(socket.socket):
    """A TCP socket; set `exchange` before each use."""

    exchange: Exchange

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        """Receives until the deadline, and counts."""
        self.settimeout(self.exchange.remaining())
        count = super().recv_into(buffer, nbytes, flags)
        self.exchange.received(count)
        return count

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        """Sends everything until the deadline: the timeout of a plain socket spans the whole call."""
        self.settimeout(self.exchange.remaining())
        super().sendall(data, flags)


class TlsSocket(ssl.SSLSocket):
    """A TLS socket; set `exchange` after the handshake (which the plain socket's timeout spans) and before each use."""

    exchange: Exchange

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Receives until the deadline, and counts."""
        self.settimeout(self.exchange.remaining())
        count = super().recv_into(buffer, nbytes, flags)
        self.exchange.received(count)
        return count

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Sends a piece until the deadline; `sendall` calls this for each."""
        self.settimeout(self.exchange.remaining())
        return super().send(data, flags)
