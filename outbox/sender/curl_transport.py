"""The fast transport: libcurl's handles over guarded connections; importable where PycURL is installed."""

from typing import Unpack

from outbox.model import Request
from outbox.sender.curl_connection import CurlConnection
from outbox.sender.exchange import Exchange
from outbox.sender.guarded_transport import GuardedTransport, Target, TransportSettings, verifying_context
from outbox.sender.idle import IdleConnections

MOST_SPARE = 16


class CurlTransport(GuardedTransport):
    """Sends with libcurl.

    A handle keeps one connection. Handles without one are kept too, as far as they are few: to read the certificate
    authorities again costs a new handle more than the handshake.
    """

    name = "curl"

    def __init__(self, **settings: Unpack[TransportSettings]) -> None:
        super().__init__(**settings)
        verifying_context(self._ca_file)  # libcurl reads the file with the first handshake, too late to complain
        self._idle = IdleConnections[CurlConnection](
            most=self._max_idle_connections, seconds=self._idle_seconds, end=self._spare
        )
        self._spares: list[CurlConnection] = []

    def close(self) -> None:
        """Closes the connections that are kept open, and the spare handles."""
        self._idle.close()
        while self._spares:
            self._spares.pop().close()

    def _post(self, request: Request, target: Target, exchange: Exchange) -> None:
        pool = (target, request.ssl_verification)
        connection = self._idle.take(pool) or self._take_spare()
        try:
            connection.post(request, target, exchange)
        finally:
            if connection.standing:
                self._idle.keep(pool, connection)
            else:
                self._spare(connection)

    def _take_spare(self) -> CurlConnection:
        try:
            return self._spares.pop()
        except IndexError:
            return CurlConnection(
                dialer=self._dialer,
                ca_file=self._ca_file,
                proxy=self._proxy,
                max_response_bytes=self._max_response_bytes,
            )

    def _spare(self, connection: CurlConnection) -> None:
        connection.let_go()
        if len(self._spares) < MOST_SPARE:
            self._spares.append(connection)
        else:
            connection.close()
