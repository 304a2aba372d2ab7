"""urllib3's connections and pools, made to dial through the guard and to keep the deadline."""
# ruff: noqa: ANN401 - what urllib3 calls with its own arguments passes them on as they are

import ssl
from functools import partial
from http.client import HTTPResponse, parse_headers
from typing import Any, TypeAlias

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse as Answer

from outbox.sender.answer import is_interim
from outbox.sender.dialer import Dialer
from outbox.sender.exchange import Phase
from outbox.sender.failures import explain, proxy_refused
from outbox.sender.idle import IdleConnections
from outbox.sender.sockets import PlainSocket


class FinalResponse(HTTPResponse):
    """Skips every interim answer (1xx), not only 100, so that 103 Early Hints is no final status."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not is_interim(status):
                return version, status, reason
            parse_headers(self.fp)


class _Guarded(HTTPConnection):
    """What plain and TLS connections share."""

    response_class = FinalResponse
    sock: Any

    def __init__(self, *args: Any, dialer: Dialer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialer = dialer

    def _new_conn(self) -> PlainSocket:
        connection = self._dialer.dial(self._dns_host, self.port, trusted=self.proxy is not None)
        self._dialer.exchange.enter(Phase.TLS if isinstance(self, HTTPSConnection) else Phase.SEND)
        return connection

    def _tunnel(self) -> None:
        """Asks the proxy for a tunnel; what it answers instead is its words, not the receiver's."""
        exchange = self._dialer.exchange
        exchange.enter(Phase.CONNECT)
        try:
            super()._tunnel()
        except OSError as error:
            if error.errno is not None or isinstance(error, TimeoutError):
                raise
            raise proxy_refused(str(error)) from error
        self.sock.settimeout(exchange.remaining())
        exchange.enter(Phase.TLS)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Sends the whole request, or as much as the receiver takes: it may answer early and close."""
        exchange = self._dialer.exchange
        if self.sock is not None:
            self.sock.exchange = exchange
            exchange.enter(Phase.SEND)
        try:
            super().request(*args, **kwargs)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            # urllib3 takes a broken pipe as leave to read an answer that came before the end
            raise BrokenPipeError(*error.args) from error
        except OSError as error:
            raise explain(error, exchange) from error
        exchange.sent = True

    def getresponse(self) -> Answer:  # type: ignore[override]  # urllib3's answer, as in the class above
        """Reads status line and headers."""
        exchange = self._dialer.exchange
        exchange.enter(Phase.FIRST_BYTE)
        return super().getresponse()


class PlainConnection(_Guarded):
    """HTTP."""


class TlsConnection(_Guarded, HTTPSConnection):
    """HTTPS; the pool's context says whether certificates are verified."""

    def connect(self) -> None:
        """Dials and shakes hands."""
        exchange = self._dialer.exchange
        try:
            super().connect()
        except (OSError, ValueError) as error:
            raise explain(error, exchange) from error
        self.sock.exchange = exchange
        exchange.enter(Phase.SEND)


Idle: TypeAlias = IdleConnections[_Guarded]


def idle_connections(*, most: int, seconds: float) -> Idle:
    """Where all pools keep their connections."""
    return IdleConnections(most=most, seconds=seconds, end=_Guarded.close)


class _SharedPool(HTTPConnectionPool):
    """A pool whose idle connections are kept in one place for all pools."""

    def __init__(self, *args: Any, idle: Idle, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle = idle

    def _get_conn(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - as urllib3 has it
        return self._idle.take(self) or self._new_conn()

    def _put_conn(self, conn: Any) -> None:
        if conn is not None and not conn.is_closed:
            self._idle.keep(self, conn)

    def _validate_conn(self, conn: Any) -> None:
        """Connects TLS before the request; no warning where verification is off, since the connector says so."""
        if conn.is_closed and isinstance(conn, TlsConnection):
            conn.connect()


class PlainPool(_SharedPool):
    """Pool of HTTP connections."""

    ConnectionCls = PlainConnection


class TlsPool(_SharedPool, HTTPSConnectionPool):
    """Pool of HTTPS connections."""

    ConnectionCls = TlsConnection


def pool_classes(*, dialer: Dialer, idle: Idle) -> dict[str, Any]:
    """The pools by scheme, as a PoolManager makes them."""
    return {
        "http": partial(PlainPool, dialer=dialer, idle=idle),
        "https": partial(TlsPool, dialer=dialer, idle=idle),
    }
