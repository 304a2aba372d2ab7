"""Parts of a proof: bytes as they are shown and can be checked, moments in two zones (pure)."""

import base64
import hashlib
import textwrap
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from urllib.parse import parse_qsl

from outbox import canonical
from outbox.model import ContentType

BASE64_COLUMNS = 76


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Some bytes for people and for checking: as text where they are UTF-8, told in order where they have one."""

    length: int
    sha256: str
    base64: str
    text: str | None
    pretty: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def exhibit(content: bytes, content_type: str = "") -> Exhibit:
    """The bytes with their hash; JSON is also indented, a form also told field by field."""
    text = _text(content)
    form = content_type.partition(";")[0].strip() == ContentType.FORM.value
    return Exhibit(
        length=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        base64="\n".join(textwrap.wrap(base64.b64encode(content).decode("ascii"), BASE64_COLUMNS)),
        text=text,
        pretty=None if form or text is None else _indented(text),
        fields=tuple(parse_qsl(text, keep_blank_values=True)) if form and text is not None else (),
    )


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _indented(text: str) -> str | None:
    try:
        return canonical.pretty(canonical.loads(text))
    except ValueError:
        return None


def check_command(webhook_id: str) -> str:
    """The shell command that takes a report's bytes out of a saved page and prints their SHA-256."""
    return (
        f"""sed -n '/<pre id="bytes-{webhook_id}">/,/<\\/pre>/p' proof.html"""
        " | sed 's/<[^>]*>//g' | base64 -d | sha256sum"
    )


def visible(text: str) -> str:
    """With a name in place of each character that can't be seen, or that could make a line read otherwise."""
    return "".join(
        sign if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf") else f"⟨U+{ord(sign):04X}⟩"
        for sign in text
    )


def in_zone(moment: datetime, zone: tzinfo) -> str:
    """A moment to the millisecond with its zone and that one's distance from UTC: `... 02:10:04.123 CET (+01:00)`."""
    at = moment.astimezone(zone)
    written = at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"
    if zone is UTC:
        return f"{written} UTC"
    distance = at.strftime("%z")
    name = at.tzname() or ""
    named = f"{name} " if name.isalpha() else ""
    return f"{written} {named}({distance[:3]}:{distance[3:5]})"
