"""What every transport does alike: settings, guard, the deadline, one second try on a fresh connection, redaction."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypedDict
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from outbox.errors import ConfigurationError
from outbox.model import Request, Response
from outbox.request import redacted_response
from outbox.sender.dialer import Dialer, Lookup, Resolver
from outbox.sender.exchange import Exchange, Failure
from outbox.sender.guard import read_networks

MOST_IDLE_CONNECTIONS = 128
IDLE_SECONDS = 4.0
"""Shorter than the usual keep-alive of receivers (5 s and more): who closes first must be us, or a report may be lost
on its way to a connection that the receiver is just closing."""


class Target(NamedTuple):
    """Where a URL leads."""

    scheme: str
    host: str
    port: int


class TransportSettings(TypedDict, total=False):
    """What a transport may be told; GuardedTransport says what each is."""

    allow_networks: Iterable[str]
    ca_file: Path | None
    proxy: str | None
    max_response_bytes: int
    max_header_bytes: int
    max_idle_connections: int
    idle_seconds: float
    lookup: Lookup | None


class GuardedTransport(ABC):
    """A thread-safe transport; a library's own part is `_post`.

    `allow_networks` opens networks that the guard refuses otherwise. `ca_file` (PEM) stands instead of the public
    certificate authorities. `proxy` is `http://[user:password@]host:port`: then the proxy looks names up, and the guard
    refuses beforehand what it can resolve itself. Of a response at most `max_response_bytes` are kept;
    status line and headers together may have `max_header_bytes`. At most `max_idle_connections` stay open between
    sends, `idle_seconds` each. `lookup` is how names become addresses.
    """

    name: str

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
        self._ca_file = ca_file or Path(DEFAULT_CA_BUNDLE_PATH)
        self._proxy = None if proxy is None else _checked_proxy(proxy)
        self._max_response_bytes = max_response_bytes
        self._max_header_bytes = max_header_bytes
        self._max_idle_connections = max_idle_connections
        self._idle_seconds = idle_seconds
        resolver = Resolver() if lookup is None else Resolver(lookup)
        self._dialer = Dialer(allow=read_networks(allow_networks), resolver=resolver)

    def send(self, request: Request) -> Response:
        """Posts once and brings back what came of it; never raises for what a receiver does."""
        exchange = Exchange(timeout_seconds=request.timeout_seconds, max_header_bytes=self._max_header_bytes)
        self._dialer.exchange = exchange
        try:
            self._converse(request, exchange)
        except Failure as failure:
            response = exchange.failed(failure)
        else:
            response = exchange.answered(max_response_bytes=self._max_response_bytes)
        return redacted_response(request, response)

    @abstractmethod
    def close(self) -> None:
        """Closes the connections that are kept open."""

    @abstractmethod
    def _post(self, request: Request, target: Target, exchange: Exchange) -> None:
        """Posts and fills `exchange` with the answer, up to one byte more than is kept; else raises a Failure."""

    def _converse(self, request: Request, exchange: Exchange) -> None:
        """One POST; on a fresh connection instead, where a kept-open one was dead before it had the whole request."""
        target = read_target(request.url)
        if self._proxy is not None:
            self._dialer.screen(target.host, target.port)
        while True:
            try:
                return self._post(request, target, exchange)
            except Failure as failure:
                if not exchange.may_resend(failure):
                    raise
                exchange.begin()


@lru_cache(maxsize=1024)
def read_target(url: str) -> Target:
    """Where the URL leads."""
    parts = urlsplit(url)
    return Target(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def verifying_context(ca_file: Path) -> ssl.SSLContext:
    """A context that trusts exactly the authorities of the file; ConfigurationError if there are none in it."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"sender.ca_file: expected a PEM file of certificates, got {str(ca_file)!r} ({error}); correct it"
        ) from None


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
