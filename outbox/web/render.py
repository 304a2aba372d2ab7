"""Templates: strict and escaping, with the filters and globals that every page has."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from outbox import __version__
from outbox.access import Permission, Role
from outbox.connector_words import title_of
from outbox.duration import write_duration

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """The templates of all pages."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "quoted": quoted,
        "moment": moment,
        "duration": write_duration,
        "count": count,
        "size": size,
        "percent": percent,
        "field_title": title_of,
    }
    made.globals |= {"static": static, "link": link, "version": __version__, "Permission": Permission, "Role": Role}
    return made


def quoted(value: object) -> str:
    """The value as one part of a URL's path, whatever signs it has."""
    return quote(str(value), safe="")


def link(path: str, *others: Mapping[str, object], **query: object) -> str:
    """The path with those of the query's values that are there."""
    given = {key: value for one in (*others, query) for key, value in one.items() if value not in (None, "", ())}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def moment(value: datetime) -> str:
    """A moment as people read it, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def percent(share: float | None) -> str:
    """A share of one as people read it; only all is 100 %, only none is 0 %."""
    if share is None:
        return "-"
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    shown = min(max(share * 100, 0.1), 99.9)
    return f"{shown:.1f} %"


def size(octets: int) -> str:
    """A number of bytes as people read it."""
    if octets < 1_000:  # noqa: PLR2004 (below, bytes are counted)
        return f"{octets} B"
    number = octets / 1_000
    for unit in ("kB", "MB", "GB"):
        if number < 1_000:  # noqa: PLR2004
            return f"{number:.1f} {unit}"
        number /= 1_000
    return f"{number:.1f} TB"


@cache
def static(name: str) -> str:
    """The URL of a file of ours; another one as soon as its content is."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"
