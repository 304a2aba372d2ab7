"""Bytes of a report or an answer as text for people: pretty where they can be read, never anything but text (pure)."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from outbox import canonical

MOST_SHOWN: Final = 8_000
"""Characters of one body on a page."""

_ACCEPTED: Final = frozenset("\n\t")


@dataclass(frozen=True, slots=True)
class Shown:
    """A body as text: `pretty` where its form is known; `cut`: there is more of it than is shown."""

    raw: str
    pretty: str | None
    cut: bool
    readable: bool


def shown(body: bytes, *, size: int, content_type: str | None, most: int = MOST_SHOWN) -> Shown:
    """The body, or its beginning where `size` says that it has more."""
    whole = len(body) == size
    raw = body.decode("utf-8", "replace")
    pretty = _pretty(body, content_type) if whole else None
    return Shown(
        raw=visible(raw[:most]),
        pretty=None if pretty is None else visible(pretty[:most]),
        cut=not whole or len(raw) > most,
        readable=_is_text(body, whole=whole),
    )


def visible(text: str) -> str:
    """The text with every sign that isn't seen, or turns others round, written out."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in _ACCEPTED else f"\\u{{{ord(sign):x}}}" for sign in text)


def _is_text(body: bytes, *, whole: bool) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return not whole and error.end == len(body) and error.reason == "unexpected end of data"
    return True


def _pretty(body: bytes, content_type: str | None) -> str | None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    try:
        text = body.decode()
        if kind == "application/x-www-form-urlencoded":
            return "\n".join(f"{name} = {value}" for name, value in parse_qsl(text, keep_blank_values=True))
        if kind.endswith("json") or text.lstrip()[:1] in ("{", "["):
            return canonical.pretty(canonical.loads(text))
    except (ValueError, RecursionError):
        return None
    return None
