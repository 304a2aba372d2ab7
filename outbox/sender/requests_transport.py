"""The transport that is always there: requests' adapter over guarded connections.

An adapter, not a session: a session's cookies, redirects, .netrc and proxy variables are what must not be.
"""

import re
import ssl
from collections.abc import Iterable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException
from requests import Response as Answer
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager, ProxyManager
from urllib3.exceptions import HTTPError

from outbox.errors import ConfigurationError
from outbox.model import Request, Response
from outbox.request import redacted_response
from outbox.sender.connection import IdleConnections, pool_classes
from outbox.sender.dialer import Dialer, Lookup, Resolver
from outbox.sender.exchange import Exchange, Failure, Phase
from outbox.sender.failures import explain
from outbox.sender.guard import read_networks
from outbox.sender.sockets import TlsSocket

MOST_POOLS = 1024
MOST_IDLE_CONNECTIONS = 256
IDLE_SECONDS = 4.0
"""Shorter than the usual keep-alive of receivers (5 s and more): who closes first must be us, or a report may be lost
on its way to a connection that the receiver is just closing."""
READ_BYTES = 65_536
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_UNPRINTABLE = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")


class RequestsTransport:
    """Sends with requests; thread-safe.

    `allow_networks` opens networks that the guard refuses otherwise. `ca_file` (PEM) stands instead of the public
    certificate authorities. `proxy` is `http://[user:password@]host:port`: then the proxy looks names up, and the guard
    refuses beforehand what it can resolve itself. Of a response at most `max_response_bytes` are kept;
    status line and headers together may have `max_header_bytes`. At most `max_idle_connections` stay open between
    sends, `idle_seconds` each. `lookup` is how names become addresses.
    """

    name = "requests"

    def __init__(
        self,
        *,
        allow_networks: Iterable[str] = (),
        ca_file: Path | None = None,
        proxy: str | None = None,
        max_response_bytes: int = 65_536,
        max_header_bytes: int = 65_536,
        max_idle_connections: int = MOST_IDLE_CONNECTIONS,
        idle_seconds: float = IDLE_SECONDS,
        lookup: Lookup | None = None,
    ) -> None:
        self._max_response_bytes = max_response_bytes
        self._max_header_bytes = max_header_bytes
        self._proxies = {} if proxy is None else {"http": _checked_proxy(proxy), "https": proxy}
        resolver = Resolver() if lookup is None else Resolver(lookup)
        self._dialer = Dialer(allow=read_networks(allow_networks), resolver=resolver)
        self._idle = IdleConnections(most=max_idle_connections, seconds=idle_seconds)
        self._adapters = {
            verified: _Adapter(context, dialer=self._dialer, idle=self._idle, proxy=proxy)
            for verified, context in ((True, _verifying(ca_file)), (False, _trusting()))
        }

    def send(self, request: Request) -> Response:
        """Posts once and brings back what came of it; never raises for what a receiver does."""
        exchange = Exchange(timeout_seconds=request.timeout_seconds, max_header_bytes=self._max_header_bytes)
        self._dialer.exchange = exchange
        try:
            response = self._converse(request, exchange)
        except Failure as failure:
            response = exchange.failed(failure)
        return redacted_response(request, response)

    def close(self) -> None:
        """Closes the connections that are kept open."""
        self._idle.close()
        for adapter in self._adapters.values():
            adapter.close()

    def _converse(self, request: Request, exchange: Exchange) -> Response:
        """One POST; on a fresh connection instead, where a kept-open one was dead before it had the whole request."""
        if self._proxies:
            parts = urlsplit(request.url)
            self._dialer.screen(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        prepared = PreparedRequest()
        prepared.prepare(method="POST", url=request.url, headers=dict(request.headers), data=request.body)
        while True:
            try:
                return self._post(prepared, exchange, verified=request.ssl_verification)
            except Failure as failure:
                if not exchange.may_resend(failure):
                    raise
                exchange.begin()

    def _post(self, prepared: PreparedRequest, exchange: Exchange, *, verified: bool) -> Response:
        adapter = self._adapters[verified]
        try:
            with closing(
                adapter.send(prepared, stream=True, timeout=exchange.remaining(), proxies=self._proxies)
            ) as answer:
                error = _words(answer.raw)
                self._read(answer.raw, exchange)
        except (RequestException, HTTPError, HTTPException, OSError, ValueError) as failed:
            raise explain(failed, exchange) from failed
        return exchange.answered(max_response_bytes=self._max_response_bytes, error=error)

    def _read(self, raw: HTTPResponse, exchange: Exchange) -> None:
        """Reads the body as it came, undecoded, up to one byte over the cap (which tells that it is cut)."""
        exchange.enter(Phase.BODY)
        exchange.status = raw.status
        exchange.headers = tuple((_printable(name), _printable(value)) for name, value in raw.headers.iteritems())
        while (room := self._max_response_bytes + 1 - len(exchange.body)) > 0:
            piece = raw.read1(min(room, READ_BYTES), decode_content=False)
            if not piece:
                break
            exchange.body += piece


class _Adapter(HTTPAdapter):
    """requests' adapter over our pools; the TLS context decides about certificates, not the call."""

    def __init__(self, context: ssl.SSLContext, *, dialer: Dialer, idle: IdleConnections, proxy: str | None) -> None:
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


def _verifying(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"sender.ca_file: expected a PEM file of certificates, got {str(ca_file)!r} ({error}); correct it"
        ) from None
    context.sslsocket_class = TlsSocket
    return context


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = TlsSocket
    return context


def _checked_proxy(proxy: str) -> str:
    """The proxy's URL; TLS to the proxy itself is refused, since its sockets would not keep the deadline."""
    try:
        parts = urlsplit(proxy)
        sound = parts.scheme == "http" and parts.hostname and parts.port and parts.path in ("", "/")
    except ValueError:
        sound = False
    if not sound:
        raise ConfigurationError(
            "sender.proxy: expected http://[user:password@]host:port, got something else; correct it"
        )
    return proxy


def _words(raw: HTTPResponse) -> str:
    """What a status means, for the history of an answer outside 2xx."""
    words = f"the receiver answered {raw.status} {_PHRASES.get(raw.status, '')}".rstrip()
    location = raw.headers.get("location")
    if location is not None and raw.status in HTTPResponse.REDIRECT_STATUSES:
        # Without its query, which may echo a secret, cut or encoded so that nothing finds it again.
        target = re.split(r"[?#]", _printable(location), maxsplit=1)[0]
        words += f", to {target[:200]}; redirects are not followed: correct the URL"
    return words


def _printable(text: str) -> str:
    """Without control characters, which a database can't store or a terminal would obey."""
    return text.translate(_UNPRINTABLE)
