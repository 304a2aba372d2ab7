"""The transports that the conformance suite runs against: a new one joins with one line."""

import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from outbox.model import Outcome, Request, Response
from outbox.sender import RequestsTransport, Transport
from outbox.sender.curl_transport import CurlTransport
from tests.scripted import Script, ScriptedReceiver

TRANSPORTS: dict[str, Callable[..., Transport]] = {"requests": RequestsTransport, "curl": CurlTransport}
LOOPBACK = ("127.0.0.0/8", "::1/128")
BODY = '{"id":1,"title":"Smlouva č. 1","amount":12.50}'.encode()
DEADLINE = 0.4
SLACK = 1.0
"""Seconds over the deadline that a loaded machine may take; a receiver that drips would hold a sender for ever."""


class MakeTransport(Protocol):
    """Makes transports that are closed with the test."""

    def __call__(self, **settings: Any) -> Transport:
        """A transport that may send to loopback, unless said otherwise."""


def post(url: str, *, body: bytes = BODY, seconds: float = 5.0, verify: bool = True, **headers: str) -> Request:
    """A request as the relay makes them; underscores in header names become hyphens."""
    sent = {"Content-Type": "application/json", "User-Agent": "x/1", "Accept-Encoding": "identity", **headers}
    return Request(url, tuple((n.replace("_", "-"), v) for n, v in sent.items()), body, seconds, verify)


def send_to(transport: Transport, script: Script, *, tls: ssl.SSLContext | None = None, **wanted: Any) -> Response:
    """Sends one request to a receiver of its own."""
    with ScriptedReceiver(script, tls=tls) as receiver:
        return transport.send(post(receiver.url, **wanted))


def told(response: Response) -> tuple[Outcome, str | None]:
    """Outcome and error code."""
    return response.outcome, response.error_code


def resolving(*rounds: tuple[str, ...]) -> Callable[..., list[tuple[Any, ...]]]:
    """A resolver that answers each lookup with the next round of addresses."""
    following = iter(rounds)

    def lookup(_: str, port: int, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in next(following)]

    return lookup
