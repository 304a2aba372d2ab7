"""A handle of libcurl with the one connection that it keeps.

libcurl never looks a name up and never dials: it is told to connect to an address that leads nowhere, and is given
instead a socket that the Dialer has checked and connected.
"""

import contextlib
import os
import re
import select
import socket
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pycurl

from outbox.model import Request
from outbox.sender.answer import SWITCHING_PROTOCOLS, is_interim, printable_headers
from outbox.sender.curl_failures import raised
from outbox.sender.dialer import Dialer
from outbox.sender.exchange import Exchange, Failure, Phase
from outbox.sender.failures import explain, proxy_refused
from outbox.sender.guarded_transport import Target
from outbox.sender.sockets import PlainSocket

NOWHERE = "192.0.2.1"
"""A documentation address: nothing answers there, should a libcurl ever dial for itself."""
SUPPRESS_CONNECT_HEADERS = 265
"""Of curl.h; PycURL has no name for it."""
_INVENTED = ("Accept:", "Content-Type:", "Expect:")
"""Headers that libcurl would add; named so, it doesn't, and one of ours that follows is sent nevertheless."""
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] +([1-9]\d\d)(?!\d)")
_LARGE_BYTES = 65_536
_NO_LIMIT_MS = 2_147_483_647

_FIXED: tuple[tuple[int, Any], ...] = (
    (pycurl.NOSIGNAL, 1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.HTTP09_ALLOWED, 0),
    (pycurl.FOLLOWLOCATION, 0),
    (pycurl.NETRC, pycurl.NETRC_IGNORED),
    (pycurl.PROXY, ""),
    (pycurl.NOPROXY, ""),
    (SUPPRESS_CONNECT_HEADERS, 1),
    (pycurl.CONNECTTIMEOUT_MS, _NO_LIMIT_MS),
    (pycurl.MAXCONNECTS, 1),
    (pycurl.FRESH_CONNECT, 1),
)


class CurlConnection:
    """Used by one thread at a time. `standing` after a post says that its connection may serve another."""

    def __init__(self, *, dialer: Dialer, ca_file: Path, proxy: str | None, max_response_bytes: int) -> None:
        self._dialer = dialer
        self._max_response_bytes = max_response_bytes
        self._proxy: Target | None = None
        self._url = ""
        self._verified = True
        self._timeout_ms = 0
        self._socket = -1
        self._kept = False
        self._refused_to_dial = False
        self._failure: Failure | None = None
        self._lines: list[bytes] = []
        self._curl = pycurl.Curl()
        for option, value in _FIXED:
            self._curl.setopt(option, value)
        self._curl.setopt(pycurl.CAINFO, str(ca_file))
        self._curl.unsetopt(pycurl.CAPATH)
        self._curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        self._curl.setopt(pycurl.SOCKOPTFUNCTION, self._connected)
        self._curl.setopt(pycurl.HEADERFUNCTION, self._take_header)
        self._curl.setopt(pycurl.WRITEFUNCTION, self._take_body)
        if proxy is None:
            self._curl.setopt(pycurl.CONNECT_TO, [f"::{NOWHERE}:"])
        else:
            self._go_through(proxy)

    @property
    def standing(self) -> bool:
        """Whether libcurl kept the connection open."""
        return self._socket != -1

    @property
    def is_connected(self) -> bool:
        """Whether the receiver holds it open and silent: libcurl itself looks only after a second."""
        return self.standing and not self._readable.poll(0)

    def post(self, request: Request, target: Target, exchange: Exchange) -> None:
        """Posts, over the connection that stands if one does; the caller has seen that it is connected."""
        self._exchange, self._target = exchange, target
        self._failure, self._refused_to_dial = None, False
        self._lines.clear()
        self._set_request(request, exchange)
        if self._kept:
            exchange.enter(Phase.SEND)
        try:
            self._curl.perform()
        except pycurl.error as error:
            self._socket = -1
            self._judge(error, len(request.body))
        else:
            self._keep(len(request.body))
        if exchange.status == 0:
            self._end_cut_headers()
        if exchange.dialed and target.scheme == "https":
            spent = self._curl.getinfo(pycurl.APPCONNECT_TIME) - self._curl.getinfo(pycurl.CONNECT_TIME)
            exchange.took(Phase.TLS, max(spent, 0.0))

    def let_go(self) -> None:
        """Ends the connection, not the handle, which keeps the authorities that it has read."""
        if self.standing:
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._socket)) as connection:
                connection.shutdown(socket.SHUT_RDWR)  # an OSError says that the receiver has ended it
            self._socket = -1

    def close(self) -> None:
        """Ends both."""
        self._curl.close()
        self._socket = -1

    def _set_request(self, request: Request, exchange: Exchange) -> None:
        curl = self._curl
        if request.url != self._url:
            curl.setopt(pycurl.URL, request.url)
            self._url = request.url
        if request.ssl_verification is not self._verified:
            curl.setopt(pycurl.SSL_VERIFYPEER, int(request.ssl_verification))
            curl.setopt(pycurl.SSL_VERIFYHOST, 2 * request.ssl_verification)
            self._verified = request.ssl_verification
        if self.standing is not self._kept:
            self._kept = self.standing
            curl.setopt(pycurl.FRESH_CONNECT, int(not self._kept))
        timeout_ms = max(1, round(exchange.remaining() * 1000))
        if timeout_ms != self._timeout_ms:
            curl.setopt(pycurl.TIMEOUT_MS, timeout_ms)
            self._timeout_ms = timeout_ms
        headers = [f"{name}: {value}" if value else f"{name};" for name, value in request.headers]
        curl.setopt(pycurl.HTTPHEADER, [*_INVENTED, *headers])
        curl.setopt(pycurl.POSTFIELDS, request.body)

    def _go_through(self, proxy: str) -> None:
        parts = urlsplit(proxy)
        self._proxy = Target(parts.scheme, parts.hostname or "", parts.port or 0)
        self._curl.setopt(pycurl.PROXY, f"http://{NOWHERE}:{self._proxy.port}")
        if parts.username is not None:
            self._curl.setopt(pycurl.PROXYUSERNAME, unquote(parts.username))
            self._curl.setopt(pycurl.PROXYPASSWORD, unquote(parts.password or ""))

    def _keep(self, sent_bytes: int) -> None:
        """Notes which socket stands, and lets go of a large body, that idle handles hold none."""
        kept = self._curl.getinfo(pycurl.ACTIVESOCKET)
        if kept != self._socket:
            self._socket = kept
            self._readable = select.poll()
            if kept != -1:
                self._readable.register(kept, select.POLLIN)
        if sent_bytes > _LARGE_BYTES:
            self._curl.setopt(pycurl.POSTFIELDS, b"")

    # What libcurl calls, within perform; an exception would only be printed there.

    def _open(self, _purpose: int, _address: object) -> PlainSocket | int:
        """A checked socket. On a kept connection libcurl would send again what the receiver may already have."""
        if self._kept:
            self._refused_to_dial = True
            return pycurl.SOCKET_BAD
        _, host, port = self._proxy or self._target
        try:
            opened = self._dialer.dial(host, port, trusted=self._proxy is not None)
        except Failure as failure:
            self._failure = failure
            return pycurl.SOCKET_BAD
        self._exchange.enter(Phase.SEND)
        self._opened = opened
        return opened

    def _connected(self, _socket: int, _purpose: int) -> int:
        self._opened.close()  # libcurl has a duplicate
        return pycurl.SOCKOPT_ALREADY_CONNECTED

    def _take_header(self, line: bytes) -> int | None:
        """Takes a line before the body; the ones after it (trailers) are not kept."""
        exchange = self._exchange
        if exchange.phase is Phase.BODY:
            return None
        if exchange.phase is Phase.SEND:
            exchange.enter(Phase.FIRST_BYTE)
        try:
            exchange.received(len(line))
        except Failure as failure:
            self._failure = failure
            return 0
        if line not in (b"\r\n", b"\n"):
            self._lines.append(line)
            return None
        return self._end_headers()

    def _end_headers(self) -> int | None:
        first = self._lines[0] if self._lines else b""
        found = _STATUS_LINE.match(first)
        if found is None:
            self._failure = explain(BadStatusLine(first.decode("latin-1")), self._exchange)
            return 0
        status = int(found[1])
        if not is_interim(status):
            parted = [line.decode("latin-1").partition(":") for line in self._lines[1:]]
            self._exchange.status = status
            self._exchange.headers = printable_headers([(name, value.strip()) for name, _, value in parted])
            self._exchange.enter(Phase.BODY)
        self._lines.clear()
        return None

    def _end_cut_headers(self) -> None:
        """The receiver closed instead of ending its headers, which libcurl takes for their end."""
        self._end_headers()
        if self._failure is not None:
            raise self._failure

    def _take_body(self, piece: bytes) -> int | None:
        """Takes a piece of the body; ends the transfer once there is more than is kept."""
        self._exchange.body += piece
        return 0 if len(self._exchange.body) > self._max_response_bytes else None

    # What came of it.

    def _judge(self, error: pycurl.error, length: int) -> None:
        """Raises the Failure, unless what came is an answer: one cut short by us, or a change of protocol."""
        exchange = self._exchange
        if self._failure is not None:
            raise self._failure from error
        if len(exchange.body) > self._max_response_bytes or exchange.status == SWITCHING_PROTOCOLS:
            return
        number, words = _number_and_words(error)
        self._find_phase(length)
        if exchange.phase is Phase.CONNECT and (answered := self._curl.getinfo(pycurl.HTTP_CONNECTCODE)):
            raise proxy_refused(f"answered {answered}") from error
        fault: Exception = RemoteDisconnected("")
        if not self._refused_to_dial:
            fault = raised(number, words, verify_result=self._curl.getinfo(pycurl.SSL_VERIFYRESULT))
        raise explain(fault, exchange) from error

    def _find_phase(self, length: int) -> None:
        """How far the exchange had come, where no header line told."""
        exchange, curl = self._exchange, self._curl
        if exchange.phase is not Phase.SEND:
            exchange.sent = True
            return
        if exchange.dialed and self._target.scheme == "https" and not curl.getinfo(pycurl.APPCONNECT_TIME):
            tunnelled = self._proxy is None or curl.getinfo(pycurl.HTTP_CONNECTCODE) // 100 == 2  # noqa: PLR2004
            exchange.phase = Phase.TLS if tunnelled else Phase.CONNECT
            return
        uploaded = curl.getinfo(pycurl.REQUEST_SIZE if self._refused_to_dial else pycurl.SIZE_UPLOAD_T)
        exchange.sent = uploaded >= length
        if curl.getinfo(pycurl.STARTTRANSFER_TIME) and exchange.sent:
            exchange.phase = Phase.HEADERS
        elif exchange.sent:
            exchange.phase = Phase.FIRST_BYTE


def _number_and_words(error: pycurl.error) -> tuple[int, str]:
    number, words = error.args  # type: ignore[misc]  # one of the two is missing in its stubs
    return number, words
