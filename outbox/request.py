"""What is sent with a report: URL and headers, their rules, the signature, and what history may show of them (pure)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, urlsplit

import idna

from outbox import __version__
from outbox.errors import ConfigurationError
from outbox.model import Connector, Leased, Request, Response

USER_AGENT = f"contract-outbox/{__version__}"
REDACTED = "[redacted]"
LONGEST_URL = 2048
LONGEST_HEADER_VALUE = 4096
MOST_HEADERS = 30
SIGNING_PREFIX = "whsec_"
SHORTEST_SIGNING_KEY_BYTES = 24
LONGEST_SIGNING_KEY_BYTES = 64

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_HOST_LABEL = re.compile(r"[0-9A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?")
_LONELY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LOOKS_SECRET = re.compile(r"auth|cookie|key|token|secret|passw|credential|signature|session", re.IGNORECASE)
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_OURS = ("webhook-", "outbox-")
_SENDERS = {"host", "content-length", "content-type", "accept-encoding", "transfer-encoding", "te", "trailer"} | {
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "upgrade",
    "expect",
}
_SHORTEST_REDACTED = 4
"""A secret shorter than this is not searched for in responses: it would blot out ordinary words."""


def delivery_id(event_id: int, connector_id: int) -> str:
    """The `webhook-id`: equal over retries and replays, so that a receiver can drop what it has."""
    return f"dlv_{event_id}_{connector_id}"


def build_request(leased: Leased, connector: Connector, *, now: datetime) -> Request:
    """The complete POST of one attempt, by the connector's current version; `now` is stamped and signed."""
    if leased.body is None:
        raise ValueError(f"delivery {delivery_id(leased.event_id, leased.connector_id)} has no body to send")
    identity = delivery_id(leased.event_id, leased.connector_id)
    stamp = str(int(now.timestamp()))
    headers = [
        ("Content-Type", leased.content_type),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("webhook-id", identity),
        ("webhook-timestamp", stamp),
        ("outbox-attempt", str(leased.attempt)),
        ("outbox-trigger", leased.trigger.value),
    ]
    if connector.signing_secrets:
        signatures = (sign(s, identity, stamp, leased.body) for s in connector.signing_secrets)
        headers.append(("webhook-signature", " ".join(signatures)))
    if connector.secret is not None:
        headers.append(("Authorization", basic_authorization(connector.username, connector.secret)))
    if connector.headers:
        own = {name.lower() for name, _ in connector.headers}
        headers = [*(header for header in headers if header[0].lower() not in own), *connector.headers]
    return Request(
        url=ascii_url(connector.url),
        headers=tuple(headers),
        body=leased.body,
        timeout_seconds=connector.timeout_seconds,
        ssl_verification=connector.ssl_verification,
    )


@lru_cache(maxsize=1024)
def basic_authorization(username: str, secret: str) -> str:
    """The Authorization header of HTTP basic authentication, in UTF-8 (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode("ascii")


def sign(secret: str, identity: str, stamp: str, body: bytes) -> str:
    """The Standard Webhooks signature `v1,<base64>` over exactly these bytes."""
    signed = f"{identity}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_signing_key(secret), signed, hashlib.sha256)).decode("ascii")


def _signing_key(secret: str) -> bytes:
    """The HMAC key: what follows `whsec_` is base64, any other secret is its own UTF-8 bytes."""
    if not secret.startswith(SIGNING_PREFIX):
        return secret.encode()
    written = secret.removeprefix(SIGNING_PREFIX)
    try:
        return base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except binascii.Error:
        raise ConfigurationError(
            f"signing secret: expected base64 after {SIGNING_PREFIX!r}, got something else; copy it again"
        ) from None


def signing_secret_faults(secret: str) -> list[str]:
    """What is wrong with a signing secret, one sentence each; the secret itself is never named."""
    try:
        key = _signing_key(secret)
    except ConfigurationError as error:
        return list(error.faults)
    if not SHORTEST_SIGNING_KEY_BYTES <= len(key) <= LONGEST_SIGNING_KEY_BYTES:
        span = f"{SHORTEST_SIGNING_KEY_BYTES} to {LONGEST_SIGNING_KEY_BYTES} bytes"
        forms = f"{SIGNING_PREFIX}<base64>, or plain text"
        return [f"signing secret: expected {span} ({forms}), got {len(key)}; generate a random one of 32 bytes"]
    return []


def redacted_headers(request: Request) -> dict[str, str]:
    """The request's headers as history keeps them: the values of secret ones are replaced."""
    return {name: REDACTED if looks_secret(name) else value for name, value in request.headers}


def redacted_response(request: Request, response: Response) -> Response:
    """The response without any secret of the request that the receiver echoed: in headers, body, or our words."""
    shown = "\n".join([response.error or "", *[value for _, value in response.headers]])
    echoed = [secret for secret in _secrets(request) if len(secret) >= _SHORTEST_REDACTED]
    echoed = [secret for secret in echoed if secret in shown or secret.encode() in response.body]
    if not echoed:
        return response
    body = response.body
    headers = response.headers
    error = response.error
    for secret in echoed:
        body = body.replace(secret.encode(), REDACTED.encode())
        headers = tuple((name, value.replace(secret, REDACTED)) for name, value in headers)
        error = error and error.replace(secret, REDACTED)
    return replace(response, body=body, headers=headers, error=error)


@lru_cache(maxsize=1024)
def looks_secret(name: str) -> bool:
    """Whether a header of this name carries a secret: its value is encrypted at rest and never shown."""
    return _LOOKS_SECRET.search(name) is not None


def _secrets(request: Request) -> Iterator[str]:
    """Every secret that the request carries, the longer form of one first."""
    for name, value in request.headers:
        if not looks_secret(name):
            continue
        yield value
        if value.startswith("Basic "):
            credentials = base64.b64decode(value.removeprefix("Basic ")).decode("utf-8", "replace")
            yield from (value.removeprefix("Basic "), credentials, credentials.partition(":")[2])


def url_faults(url: str) -> list[str]:
    """What is wrong with a payload URL, one sentence each; of it only scheme, host and port are told, never secrets."""
    if not 0 < len(url) <= LONGEST_URL:
        return [f"expected a URL of 1 to {LONGEST_URL} characters, got {len(url)}; give the receiver's whole URL"]
    if not url.isprintable() or " " in url or "\\" in url:
        wrong = sorted({sign for sign in url if not sign.isprintable() or sign in " \\"})
        got = ", ".join(map(repr, wrong))
        return [f"expected a URL without spaces, control characters and backslashes, got {got}; write them as %XX"]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return [f"expected a URL such as https://example.com/webhook, got {_place(url)!r}; correct its host or port"]
    faults = []
    if parts.scheme.lower() not in ("http", "https"):
        faults.append(f"expected a URL that begins with https:// or http://, got {_place(url)!r}; write it whole")
    if "@" in parts.netloc:
        faults.append(
            "expected a URL without user name and password, got one with them;"
            " remove them and use the connector's user name and secret"
        )
    if "#" in url:
        faults.append("expected a URL without a fragment (#...), got one; remove it, it would never be sent")
    if port == 0:
        faults.append("expected a port from 1 to 65535, got 0; correct it or leave it out")
    if (host or not faults) and (fault := _host_fault(host)) is not None:
        faults.append(fault)
    return faults


def _host_fault(host: str) -> str | None:
    try:
        _ascii_host(host)
    except ValueError as error:
        return f"expected a URL with a host name or address, got {host!r} ({error}); correct it"
    return None


def _place(url: str) -> str:
    """Scheme, host and port as written, but nothing that may be a password: what an @ ends, a port of other signs."""
    scheme, marks, rest = url.partition("://") if "://" in url else ("", "", url)
    host = "..." if "@" in url else re.split(r"[/?#\\]", rest, maxsplit=1)[0][:100]
    return scheme[:20] + marks + re.sub(r":(?!\d{1,5}$)[^\]:]*$", ":...", host)


def _ascii_host(host: str) -> str:
    """The host as it stands on the wire; ValueError (or its kind UnicodeError) says what is wrong with it."""
    if not host:
        raise ValueError("no host")
    if ":" in host:
        if "%" in host:
            raise ValueError("an address with a zone")
        return str(IPv6Address(host))
    written = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    labels = written.removesuffix(".").split(".")
    wrong = next((label for label in labels if not _HOST_LABEL.fullmatch(label)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} is no label of 1 to 63 letters, digits and hyphens")
    if len(written) > 253:  # noqa: PLR2004 - the limit of RFC 1035, said in the message
        raise ValueError("longer than 253 characters")
    return written


@lru_cache(maxsize=1024)
def ascii_url(url: str) -> str:
    """The URL as it is sent, for one that has no faults: host in IDNA, everything else percent-encoded UTF-8."""
    parts = urlsplit(url)
    host = _ascii_host(parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    path = quote(_LONELY_PERCENT.sub("%25", parts.path or "/"), safe=_PATH_SAFE)
    query = quote(_LONELY_PERCENT.sub("%25", parts.query), safe=_PATH_SAFE + "?")
    return f"{parts.scheme.lower()}://{host}{port}{path}" + (f"?{query}" if query else "")


def header_faults(headers: Iterable[tuple[str, str]], *, has_secret: bool) -> list[str]:
    """What is wrong with a connector's own headers, one sentence each; values are never named."""
    given = tuple(headers)
    faults = []
    if len(given) > MOST_HEADERS:
        faults.append(f"expected at most {MOST_HEADERS} headers, got {len(given)}; remove some")
    seen: set[str] = set()
    for name, value in given:
        if name.lower() in seen:
            faults.append(f"header {name!r}: expected each header once, got it again; join the values into one")
        seen.add(name.lower())
        faults.extend(_header_faults(name, value, has_secret=has_secret))
    return faults


def _header_faults(name: str, value: str, *, has_secret: bool) -> Iterator[str]:
    lowered = name.lower()
    if not _TOKEN.fullmatch(name):
        yield f"header {name!r}: expected a name of letters, digits and hyphens, got other characters; correct the name"
    elif lowered in _SENDERS:
        yield f"header {name!r}: expected a header that the sender does not set itself, got {lowered}; remove it"
    elif lowered.startswith(_OURS):
        yield f"header {name!r}: expected a name outside webhook-* and outbox-*, which carry our own; choose another"
    elif lowered == "authorization" and has_secret:
        yield f"header {name!r}: expected no own one beside a secret, which sets it; remove the header or the secret"
    if any(not (" " <= character <= "~") for character in value):
        yield (
            f"header {name!r}: expected a value of printable ASCII in one line, got other characters;"
            " remove line breaks and control characters, encode the rest"
        )
    elif value != value.strip():
        yield f"header {name!r}: expected a value without spaces around it, got some; remove them"
    if len(value) > LONGEST_HEADER_VALUE:
        yield f"header {name!r}: expected at most {LONGEST_HEADER_VALUE} characters, got {len(value)}; shorten it"
