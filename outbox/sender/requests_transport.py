"""The transport that is always there: requests' adapter over guarded connections.

An adapter, not a session: a session's cookies, redirects, .netrc and proxy variables are what must not be.
"""

import ssl
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any, Unpack
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException
from requests import Response as Answer
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager, ProxyManager
from urllib3.exceptions import HTTPError

from outbox.model import Request
from outbox.sender.answer import printable_headers
from outbox.sender.connection import Idle, idle_connections, pool_classes
from outbox.sender.dialer import Dialer
from outbox.sender.exchange import Exchange, Phase
from outbox.sender.failures import explain
from outbox.sender.guarded_transport import GuardedTransport, Target, TransportSettings, verifying_context
from outbox.sender.sockets import TlsSocket

MOST_POOLS = 1024
READ_BYTES = 65_536


class RequestsTransport(GuardedTransport):
    """Sends with requests."""

    name = "requests"

    def __init__(self, **settings: Unpack[TransportSettings]) -> None:
        super().__init__(**settings)
        self._proxies = {} if self._proxy is None else {"http": self._proxy, "https": self._proxy}
        self._idle = idle_connections(most=self._max_idle_connections, seconds=self._idle_seconds)
        self._adapters = {
            verified: _Adapter(context, dialer=self._dialer, idle=self._idle, proxy=self._proxy)
            for verified, context in ((True, _verifying(self._ca_file)), (False, _trusting()))
        }

    def close(self) -> None:
        """Closes the connections that are kept open."""
        self._idle.close()
        for adapter in self._adapters.values():
            adapter.close()

    def _post(self, request: Request, target: Target, exchange: Exchange) -> None:
        del target  # requests reads the URL itself
        prepared = PreparedRequest()
        prepared.prepare(method="POST", url=request.url, headers=dict(request.headers), data=request.body)
        adapter = self._adapters[request.ssl_verification]
        try:
            with closing(
                adapter.send(prepared, stream=True, timeout=exchange.remaining(), proxies=self._proxies)
            ) as answer:
                self._read(answer.raw, exchange)
        except (RequestException, HTTPError, HTTPException, OSError, ValueError) as failed:
            raise explain(failed, exchange) from failed

    def _read(self, raw: HTTPResponse, exchange: Exchange) -> None:
        """Reads the body as it came, undecoded, up to one byte over the cap (which tells that it is cut)."""
        exchange.enter(Phase.BODY)
        exchange.status = raw.status
        exchange.headers = printable_headers(raw.headers.iteritems())
        while (room := self._max_response_bytes + 1 - len(exchange.body)) > 0:
            piece = raw.read1(min(room, READ_BYTES), decode_content=False)
            if not piece:
                break
            exchange.body += piece


class _Adapter(HTTPAdapter):
    """requests' adapter over our pools; the TLS context decides about certificates, not the call."""

    def __init__(self, context: ssl.SSLContext, *, dialer: Dialer, idle: Idle, proxy: str | None) -> None:
        self._context = context
        self._pool_classes = pool_classes(dialer=dialer, idle=idle)
        self._proxy = proxy
        super().__init__(pool_connections=MOST_POOLS, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - as requests has it
        """Makes the one manager, through the proxy if there is one."""
        settings = {
            "num_pools": connections,
            "maxsize": maxsize,
            "block": block,
            "ssl_context": self._context,
            **kwargs,
        }
        if self._proxy is None:
            self.poolmanager = PoolManager(**settings)
        else:
            self.poolmanager = ProxyManager(self._proxy, proxy_headers=self.proxy_headers(self._proxy), **settings)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def get_connection_with_tls_context(self, request: PreparedRequest, *_: object, **__: object) -> Any:  # noqa: ANN401 - as requests has it
        """The pool of the request's host."""
        parts = urlsplit(str(request.url))
        return self.poolmanager.connection_from_host(parts.hostname, parts.port, parts.scheme)

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Nothing to add: the context has the authorities."""

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Answer:
        """The bare answer: a receiver's cookies are neither parsed nor kept."""
        answer = Answer()
        answer.request, answer.raw, answer.status_code = req, resp, resp.status
        return answer


def _verifying(ca_file: Path) -> ssl.SSLContext:
    context = verifying_context(ca_file)
    context.sslsocket_class = TlsSocket
    return context


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = TlsSocket
    return context
