"""Moments as people write them: `2h` ago, `2026-11-01`, `2026-11-01T10:00:00+02:00`."""

from datetime import UTC, datetime, timedelta

from outbox.duration import parse_duration

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


def parse_moment(written: str, *, now: datetime) -> datetime:
    """The moment in UTC; a duration counts back from `now`, a time without a zone is UTC. ValueError in words."""
    text = written.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _ago(text, now)
    try:
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    return _checked(moment, written)


def _ago(text: str, now: datetime) -> datetime:
    fault = f"expected a moment such as 2026-11-01T10:00:00Z, or how long ago, such as 2h or 7d; got {text!r}"
    if not text or not text[-1].isalpha():
        raise ValueError(fault)
    try:
        moment = now - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise ValueError(fault) from None
    return _checked(moment, text)


def _checked(moment: datetime, written: str) -> datetime:
    if moment < _EARLIEST:
        raise ValueError(f"expected a moment between the years 1900 and 9999, got {written!r}")
    return moment


def write_moment(moment: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond, so that it reads back as the same moment."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
