"""A sent request as a curl command: a shell that runs it sends the same bytes; secrets are left as variables (pure)."""

import base64
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Final

from outbox.request import REDACTED

_CURLS_OWN: Final = frozenset({"content-length", "host", "transfer-encoding", "connection", "expect"})
_ADDED_BY_CURL: Final = ("Accept", "Content-Type", "User-Agent")
_FIRST: Final = "curl --silent --show-error --include --globoff --path-as-is"
_JOINT: Final = " \\\n  "


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, as history has it: the values of secret headers are redacted.

    `username` goes with the connector's secret, where it has one. Without a body it is to be read from `body_file`.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes | None
    username: str | None = None
    ssl_verification: bool = True
    body_file: str = "report.bin"


def curl_command(sent: Sent) -> str:
    """The command, for any POSIX shell; `variables` says what must be set before."""
    options = _JOINT.join(_options(sent))
    if sent.body is None:
        return f"{options}{_JOINT}--data-binary {quote('@' + sent.body_file)}"
    options += f"{_JOINT}--data-binary @-"
    text = _shown(sent.body)
    if text is not None:
        return f"printf %s {quote(text)} |\n{options}"
    lines = "\n".join(textwrap.wrap(base64.b64encode(sent.body).decode("ascii"), 76))
    return f"base64 --decode <<'REPORT' |\n{lines}\nREPORT\n{options}"


def variables(sent: Sent) -> list[str]:
    """The shell variables that stand for what history doesn't keep."""
    return sorted({_variable(name, sent) for name, value in sent.headers.items() if value == REDACTED})


def _options(sent: Sent) -> Iterator[str]:
    yield _FIRST
    if not sent.ssl_verification:
        yield "--insecure"
    given = {name.lower() for name in sent.headers}
    for name, value in sent.headers.items():
        if name.lower() not in _CURLS_OWN:
            yield _option(name, value, sent)
    for name in _ADDED_BY_CURL:
        if name.lower() not in given:
            yield f"--header {quote(name + ':')}"
    yield "--header 'Expect:'"
    yield f"--url {quote(sent.url)}"


def _option(name: str, value: str, sent: Sent) -> str:
    if value != REDACTED:
        return f"--header {quote(f'{name}: {value}' if value else f'{name};')}"
    variable = f'"${_variable(name, sent)}"'
    if _by_secret(name, sent):
        return f"--user {quote(f'{sent.username}:')}{variable}"
    return f"--header {quote(f'{name}: ')}{variable}"


def _variable(name: str, sent: Sent) -> str:
    if _by_secret(name, sent):
        return "SECRET"
    written = re.sub(r"[^0-9A-Z]", "_", name.upper())
    return f"_{written}" if written[0].isdigit() else written


def _by_secret(name: str, sent: Sent) -> bool:
    return name.lower() == "authorization" and sent.username is not None


def _shown(body: bytes) -> str | None:
    """The body as text that a terminal takes as it is; None where it has other signs."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(sign.isprintable() or sign == "\n" for sign in text) else None
