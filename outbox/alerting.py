"""Which troubles begin, stand and end, what is to be told of each and when, and in which words (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from outbox import canonical
from outbox.duration import write_duration
from outbox.model import Json, Request
from outbox.moment import write_moment
from outbox.request import USER_AGENT, ascii_url, sign

WELL_SECONDS = 60.0
"""A trouble that comes back before was never over: a receiver that comes and goes is told of once."""
TRY_SECONDS = 25.0
"""Longer than a round of telling takes: until then whoever took the alert may be sending it."""
TIMEOUT_SECONDS = 10.0
MOST_WORDS = 2_000


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Telling(StrEnum):
    """What is told of a trouble."""

    RAISED = "raised"
    STANDS = "stands"
    WELL = "well"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now: by rule and subject it is the same from look to look."""

    rule: str
    subject: str
    severity: Severity
    title: str
    words: str
    mend: str
    facts: Mapping[str, Json] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same trouble."""
        return self.rule, self.subject


@dataclass(frozen=True, slots=True)
class Alert:
    """A trouble on record, and what was told of it."""

    id: int
    trouble: Trouble
    began_at: datetime
    gone_at: datetime | None = None
    ended_at: datetime | None = None
    told: int = 0
    told_at: datetime | None = None
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look changes on record: troubles that begin or stand, and ids of those that are gone or have ended."""

    begin: tuple[Trouble, ...] = ()
    stand: tuple[Trouble, ...] = ()
    gone: tuple[int, ...] = ()
    ended: tuple[int, ...] = ()


def compare(
    alerts: Iterable[Alert], troubles: Iterable[Trouble], *, unknown: Collection[str], now: datetime
) -> Changes:
    """What a look found, beside what is on record; alerts of rules that could not be looked at stay as they are."""
    seen = {one.key: one for one in troubles}
    standing = {one.trouble.key: one for one in alerts if one.ended_at is None}
    absent = [one for key, one in standing.items() if key not in seen and one.trouble.rule not in unknown]
    ended = [one for one in absent if one.gone_at and now - one.gone_at >= timedelta(seconds=WELL_SECONDS)]
    return Changes(
        begin=tuple(one for key, one in seen.items() if key not in standing),
        stand=tuple(one for key, one in seen.items() if key in standing),
        gone=tuple(one.id for one in absent if one not in ended),
        ended=tuple(one.id for one in ended),
    )


def to_tell(alerts: Iterable[Alert], *, repeat_hours: float, now: datetime) -> list[tuple[Alert, Telling]]:
    """What is to be told now, the worst first; nothing that somebody may be telling."""
    found = [
        (one, telling)
        for one in alerts
        if (telling := _telling(one, repeat_hours=repeat_hours, now=now)) is not None
        and (one.tried_at is None or now - one.tried_at >= timedelta(seconds=TRY_SECONDS))
    ]
    return sorted(found, key=lambda pair: (pair[0].trouble.severity is not Severity.CRITICAL, pair[0].id))


def _telling(alert: Alert, *, repeat_hours: float, now: datetime) -> Telling | None:
    if alert.ended_at is not None:
        return Telling.WELL if alert.told else None
    if alert.gone_at is not None:
        return None
    if alert.told_at is None:
        return Telling.RAISED
    return Telling.STANDS if 0 < repeat_hours <= (now - alert.told_at) / timedelta(hours=1) else None


def body(alert: Alert, telling: Telling, *, database: str, now: datetime) -> bytes:
    """What the hook gets: `text` for chat services, the rest for programs."""
    trouble = alert.trouble
    return canonical.dumps(
        {
            "text": _text(alert, telling, database=database, now=now),
            "telling": telling.value,
            "alert_id": alert.id,
            "rule": trouble.rule,
            "subject": trouble.subject or None,
            "severity": trouble.severity.value,
            "title": trouble.title,
            "words": trouble.words[:MOST_WORDS],
            "mend": trouble.mend,
            "facts": trouble.facts,
            "database": database,
            "began_at": write_moment(alert.began_at),
            "ended_at": alert.ended_at and write_moment(alert.ended_at),
        }
    )


def _text(alert: Alert, telling: Telling, *, database: str, now: datetime) -> str:
    trouble = alert.trouble
    lasted = write_duration(max(1, round(((alert.ended_at or now) - alert.began_at).total_seconds())))
    if telling is Telling.WELL:
        return f"[all well again] {database}: {trouble.title}: no more. It lasted {lasted}."
    since = f" It has lasted {lasted}." if telling is Telling.STANDS else ""
    return (
        f"[{trouble.severity.value}] {database}: {trouble.title}: {trouble.words[:MOST_WORDS]}.{since}"
        f" What to do: {trouble.mend}"
    )


def request(alert: Alert, telling: Telling, *, url: str, secret: str | None, database: str, now: datetime) -> Request:
    """The POST of one alert; its `webhook-id` is the same however often it has to be tried."""
    identity = f"alert_{alert.id}_{telling.value}_{alert.told}"
    stamp, written = str(int(now.timestamp())), body(alert, telling, database=database, now=now)
    headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", USER_AGENT),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("webhook-id", identity),
        ("webhook-timestamp", stamp),
    ]
    if secret is not None:
        headers.append(("webhook-signature", sign(secret, identity, stamp, written)))
    return Request(ascii_url(url), tuple(headers), written, TIMEOUT_SECONDS)


def sample(now: datetime) -> Alert:
    """What `outbox alerts test` sends: nobody can take it for a real one."""
    words = "sent by `outbox alerts test`; nothing is wrong"
    return Alert(0, Trouble("test", "", Severity.WARNING, "A test alert", words, "nothing"), began_at=now)


def listed(words: Sequence[str], *, most: int = 5) -> str:
    """The first of them in one line, and how many more there are."""
    more = len(words) - most
    return "; ".join(words[:most]) + (f"; and {more} more" if more > 0 else "")
