"""The verdict: whether all is well, and if not what isn't, in one line that leads on (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from outbox.insight.axis import spoken

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the verdict goes by; what concerns all business units is None for somebody who is limited.

    `overdue` is how many deliveries have waited longer than `lag_limit` for nothing but a worker, `dead_since` when the
    first of the dead ones was routed, `troubles` what else alerts tell: what, and whether somebody must act.
    """

    at: datetime
    held: Sequence[str]
    given_up: Sequence[str]
    waiting: int
    waiting_for_held: int
    overdue: int
    lag: timedelta
    lag_limit: timedelta
    unrouted: int
    dead: int
    dead_since: datetime | None
    capture_errors: int | None
    workers: int | None
    troubles: Sequence[tuple[str, bool]] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that isn't well, and the page that tells more: a path and its query."""

    level: str
    words: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`level` is good, warn or bad."""

    level: str
    remarks: tuple[Remark, ...]


def judge(facts: Facts) -> Verdict:
    """The worst first."""
    remarks = sorted(_remarks(facts), key=lambda one: one.level != "bad")
    return Verdict(remarks[0].level if remarks else "good", tuple(remarks))


def _remarks(facts: Facts) -> Iterator[Remark]:
    if facts.workers == 0:
        yield Remark("bad", "no worker runs: start `outbox run`", "/system")
    if facts.capture_errors:
        yield Remark("bad", _many(facts.capture_errors, "change was", "changes were") + " not captured", "/system")
    if facts.given_up:
        words = _many(len(facts.given_up), "connector was", "connectors were") + " disabled, for the receiver fails"
        yield Remark("bad", words, *_connectors("disabled"))
    if facts.lag > facts.lag_limit:
        since = spoken(facts.lag.total_seconds() * 1000)
        if facts.overdue:
            words = _many(facts.overdue, "delivery waits", "deliveries wait") + f" since {since}"
            yield Remark("bad", words, "/deliveries", {"state": "pending"})
        else:
            words = _many(facts.unrouted, "event waits", "events wait") + f" for routing since {since}"
            yield Remark("bad", words, "/system")
    if facts.held:
        waiting = _many(facts.waiting_for_held, "delivery waits for it", "deliveries wait for that")
        words = _many(len(facts.held), "connector is", "connectors are") + " held"
        yield Remark("warn", words, *_connectors("held"))
        if facts.waiting_for_held:
            yield Remark("warn", waiting, "/deliveries", {"state": "held"})
    if facts.dead > 0:
        since = min(facts.dead_since or facts.at, facts.at - DAY).strftime("%Y-%m-%dT%H:%MZ")
        words = _many(facts.dead, "delivery", "deliveries") + " went dead within 24 h"
        yield Remark("bad", words, "/deliveries", {"state": "dead", "since": since})
    for title, must_act in facts.troubles:
        yield Remark("bad" if must_act else "warn", title[:1].lower() + title[1:], "/system")


def _connectors(state: str) -> tuple[str, dict[str, str]]:
    return "/configurations/connectors", {"state": state}


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
