"""Durations as people write them: `90`, `5m`, `1h30m`."""

import re
from decimal import Decimal

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(written: str) -> float:
    """Seconds of `90`, `5m` or `1h30m`; raises ValueError in words."""
    text = written.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"expected seconds or a duration such as 5m or 1h30m, got {written!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def write_duration(seconds: float) -> str:
    """The shortest way to write it that reads back as the same seconds: `5m`, `1h30m`, `0.25s`."""
    if seconds != int(seconds) or seconds == 0:
        return f"{Decimal(repr(seconds)):f}s"
    rest, parts = int(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
