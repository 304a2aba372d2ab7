"""A delivery told in words: its way from commit to answer, what each attempt spent its time on, why it waits (pure)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

OUTCOME_WORDS: Final[Mapping[str, str]] = {
    "ok": "The receiver took it.",
    "http_error": "The receiver answered, and refused it.",
    "timeout": "No complete answer came in time; the receiver may have it.",
    "dns": "The receiver's name could not be looked up.",
    "connect": "No connection to the receiver could be made.",
    "tls": "The connection could not be secured (TLS).",
    "blocked": "The address is one that this service may not send to.",
    "protocol": "The answer was no proper HTTP, or broke off; the receiver may have it.",
    "report": "The report could not be built, or is too large; nothing was sent.",
    "lost": "The worker did not come back; nobody knows whether the receiver has it.",
    "late": "The answer came after the lease had gone to another; it changed nothing.",
    "interrupted": "It was ended before an answer came.",
}
PHASE_WORDS: Final[Mapping[str, str]] = {
    "dns": "looking up the name",
    "connect": "connecting",
    "tls": "securing (TLS)",
    "wait": "sending, and waiting for the first byte",
    "read": "reading the answer",
    "failed": "until it ended",
}
_SETTLED_WORDS: Final = {
    "delivered": "delivered",
    "dead": "dead: no further attempt by itself",
    "cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of an attempt's time: from when on, and how long, in milliseconds."""

    name: str
    start: float
    length: float

    @property
    def words(self) -> str:
        """What was done in it."""
        return PHASE_WORDS[self.name]


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as history has it, but for what it sent and got."""

    number: int
    late: bool
    kind: str
    started_at: datetime
    duration_ms: float | None
    timings: Mapping[str, float]
    outcome: str
    status_code: int | None
    error_code: str | None
    error: str | None
    url: str | None
    worker: str
    settled: str | None
    connector_version: int | None

    @property
    def answer(self) -> str:
        """How it ended, short: `HTTP 503 Service Unavailable`, `timeout`, `cancelled`."""
        if self.error_code == "cancelled":
            return "cancelled"
        if self.status_code is None:
            return self.outcome
        try:
            return f"HTTP {self.status_code} {HTTPStatus(self.status_code).phrase}"
        except ValueError:
            return f"HTTP {self.status_code}"

    @property
    def phases(self) -> "list[Phase]":
        """What it spent its time on."""
        return phases(self.timings, self.duration_ms)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way; `kind` is captured, routed, replay, attempt or next; `after` what it waited, in seconds."""

    at: datetime
    kind: str
    words: str
    outcome: str | None = None
    number: int | None = None
    after: float | None = None


def phases(timings: Mapping[str, float], duration_ms: float | None) -> list[Phase]:
    """What an attempt spent its time on, in order; nothing where it isn't known."""
    total = timings.get("total", duration_ms)
    if not total:
        return []
    found, at = [], 0.0
    for name in ("dns", "connect", "tls"):
        if name in timings:
            found.append(Phase(name, at, timings[name]))
            at += timings[name]
    first = timings.get("first_byte")
    if first is not None:
        found.append(Phase("wait", at, max(0.0, first - at)))
        at = max(at, first)
    found.append(Phase("read" if first is not None else "failed", at, max(0.0, total - at)))
    return [one for one in found if one.length > 0]


def way(
    *,
    occurred_at: datetime | None,
    trigger: str,
    status: str | None,
    routed_at: datetime,
    decided: str | None,
    attempts: Sequence[Tried],
    replays: Sequence[tuple[datetime, str, str]],
) -> list[Step]:
    """Every step from the commit on, oldest first."""
    steps = [*_asked(replays), *_tried(attempts, routed_at, [at for at, _, _ in replays])]
    steps.append(Step(routed_at, "routed", f"routed: {decided}" if decided else "routed to this connector"))
    if occurred_at is not None:
        became = f", status {status}" if status else ""
        steps.append(Step(occurred_at, "captured", f"{trigger} captured in the application's transaction{became}"))
    order = ("captured", "routed", "replay", "attempt")
    return sorted(steps, key=lambda step: (step.at, order.index(step.kind), step.number or 0))


def _asked(replays: Sequence[tuple[datetime, str, str]]) -> Iterator[Step]:
    for at, verdict, who in replays:
        did = "queued once more" if verdict == "again" else "brought forward"
        yield Step(at, "replay", f"{did} by {who}")


def _tried(attempts: Sequence[Tried], routed_at: datetime, asked: Sequence[datetime]) -> Iterator[Step]:
    before = routed_at
    for one in sorted(attempts, key=lambda tried: (tried.number, tried.late)):
        due = max([before, *(at for at in asked if at <= one.started_at)])
        words = one.error or one.answer
        if one.settled is not None and one.error_code != "cancelled":
            words += f" ({_SETTLED_WORDS[one.settled]})"
        waited = max(0.0, (one.started_at - due).total_seconds())
        yield Step(one.started_at, "attempt", words, one.outcome, one.number, waited)
        if not one.late:
            before = one.started_at + timedelta(milliseconds=one.duration_ms or 0)


def waiting_words(state: str, *, connector_state: str, state_reason: str | None, worker: str | None) -> str | None:
    """Why a delivery waits, in a sentence; None where it doesn't. What it waits behind and until when stand beside."""
    match state:
        case "pending":
            return "It waits for its next attempt."
        case "leased":
            return f"It is being sent at this moment, by {worker}."
        case "blocked":
            return "It waits behind an earlier report of the same contract, for this connector keeps their order."
        case "held" if connector_state == "disabled":
            return f"It waits until its connector is enabled: {state_reason}."
        case "held":
            return f"It waits until its receiver answers again: {state_reason}."
        case _:
            return None
