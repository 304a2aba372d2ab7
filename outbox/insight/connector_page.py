"""What people see of one connector: how it stands, how it does, what failed, what went out, what goes next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row

from outbox.access import Within
from outbox.audit import clock
from outbox.insight.connectors import Listed, listed
from outbox.model import Kind, Outcome, State, Trigger
from outbox.resources import query

MOST_COUNTED = 10_000
"""How many waiting deliveries are counted by their state."""
MOST_TRIED = 20_000
"""How many attempts the figures of a stretch of time go by, the newest."""
MOST_FAILED = 2_000
MOST_LOOKED_AT = 5_000
"""Among how many of a connector's deliveries those in sight are looked for."""
SHOWN = 8
_HIGHEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time up to now, and the parts that it is shown in."""

    words: str
    seconds: float
    part_seconds: float


STRETCHES: Final = {
    "1h": Stretch("last hour", 3_600, 300),
    "24h": Stretch("last 24 hours", 86_400, 3_600),
    "7d": Stretch("last 7 days", 7 * 86_400, 86_400),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a connector stands; the failures are told only to those who may see all that it reports."""

    connector: Listed
    failures: int | None
    failing_since: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Open:
    """Open deliveries in sight by state; `more` says that there are more than were counted."""

    waiting: int
    more: bool
    by_state: dict[State, int]
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Part:
    """What came of the attempts of a part of a stretch; `answer_ms` is p50, p95 and p99 of the answers' times."""

    began_at: datetime
    attempts: int
    ok: int
    dead: int
    answer_ms: tuple[float, float, float] | None

    @property
    def failed(self) -> int:
        """Attempts that were not answered 2xx."""
        return self.attempts - self.ok

    @property
    def success(self) -> float | None:
        """The share of attempts that were answered 2xx; None where there were none."""
        return self.ok / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Course:
    """How a connector did over a stretch of time: all of it, and its parts, oldest first, the quiet ones too.

    `cut` where there were more attempts than were read: then all begins with the oldest that was.
    """

    whole: Part
    parts: tuple[Part, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which attempts failed, by its words."""

    words: str
    outcome: Outcome
    status: int | None
    attempts: int
    last_at: datetime
    event_id: int


@dataclass(frozen=True, slots=True)
class Recent:
    """A delivery and how its last attempt ended."""

    event_id: int
    trigger: Trigger
    contract_id: str
    business_unit: str | None
    created_at: datetime
    state: str
    attempts: int
    replaying: bool
    last_at: datetime | None
    last_outcome: Outcome | None
    last_status: int | None
    duration_ms: float | None
    words: str | None


@dataclass(frozen=True, slots=True)
class Next:
    """A delivery that is due or will be: the head of its lane, with how many of its contract wait `behind` it."""

    event_id: int
    contract_id: str
    trigger: Trigger
    business_unit: str | None
    created_at: datetime
    due_at: datetime
    attempts: int
    kind: Kind
    last_error: str | None
    leased: bool
    behind: int


def standing(connection: Connection, connector_id: int, *, within: Within) -> Standing | None:
    """How the connector stands; None for one that there isn't, or that isn't theirs to see."""
    if connector_id > _HIGHEST:
        return None
    row = connection.execute(query("insight_connector_one"), _asked(connector_id, within)).one_or_none()
    if row is None:
        return None
    return Standing(listed(row), row.failures, row.failing_since, row.last_error)


def open_deliveries(connection: Connection, connector: Listed, *, within: Within) -> Open:
    """What waits for it, by state."""
    asked = _asked(connector.id, within) | {"sends": connector.state == "enabled", "most": MOST_COUNTED + 1}
    row = connection.execute(query("insight_connector_open"), asked).one()
    by_state = {
        State.PENDING: row.pending,
        State.LEASED: row.leased,
        State.BLOCKED: row.blocked,
        State.HELD: row.held,
    }
    return Open(row.waiting, row.looked_at > MOST_COUNTED, by_state, row.oldest_at)


def course(connection: Connection, connector_id: int, stretch: Stretch, *, within: Within) -> Course:
    """What came of its attempts over the stretch, tests left out."""
    now = clock(connection)
    part = timedelta(seconds=stretch.part_seconds)
    since = _floor(now, part) + part - timedelta(seconds=stretch.seconds)
    asked = {"since": since, "part_seconds": stretch.part_seconds, "most": MOST_TRIED}
    rows = connection.execute(query("insight_connector_course"), _asked(connector_id, within) | asked).all()
    found = {row.began_at: row for row in rows}
    whole = found[None]
    begins = [since + n * part for n in range(round(stretch.seconds / stretch.part_seconds))]
    return Course(
        whole=_part(whole, whole.first_at or since),
        parts=tuple(_part(found.get(begin), begin) for begin in begins),
        cut=whole.attempts == MOST_TRIED,
    )


def faults(connection: Connection, connector_id: int, since: datetime, *, within: Within) -> tuple[Fault, ...]:
    """How its attempts failed since then, by words, the last first."""
    asked = _asked(connector_id, within) | {"since": since, "most": MOST_FAILED}
    return tuple(
        Fault(row.words, Outcome(row.outcome), row.status_code, row.attempts, row.last_at, row.event_id)
        for row in connection.execute(query("insight_connector_errors"), asked)
    )


def recent(connection: Connection, connector_id: int, *, within: Within) -> tuple[Recent, ...]:
    """Its newest deliveries."""
    asked = _asked(connector_id, within) | {"most": MOST_LOOKED_AT, "shown": SHOWN}
    return tuple(_recent(row) for row in connection.execute(query("insight_connector_recent"), asked))


def upcoming(connection: Connection, connector_id: int, *, within: Within) -> tuple[Next, ...]:
    """What it sends next, each the first of its contract."""
    asked = _asked(connector_id, within) | {"most": MOST_LOOKED_AT, "shown": SHOWN}
    return tuple(
        Next(
            event_id=row.event_id,
            contract_id=row.contract_id,
            trigger=Trigger(row.trigger),
            business_unit=row.business_unit,
            created_at=row.created_at,
            due_at=row.due_at,
            attempts=row.attempts,
            kind=Kind(row.kind),
            last_error=row.last_error,
            leased=row.leased,
            behind=row.behind,
        )
        for row in connection.execute(query("insight_connector_next"), asked)
    )


def _asked(connector_id: int, within: Within) -> dict[str, Any]:
    return {"connector_id": connector_id, "within": None if within is None else list(within)}


def _floor(moment: datetime, part: timedelta) -> datetime:
    """The begin of the part that the moment is in, as clocks in UTC have it."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment - (moment - day) % part


def _part(row: Row[Any] | None, began_at: datetime) -> Part:
    if row is None:
        return Part(began_at, 0, 0, 0, None)
    answer_ms = row.answer_ms
    return Part(began_at, row.attempts, row.ok, row.dead, None if answer_ms is None else tuple(answer_ms))


def _recent(row: Row[Any]) -> Recent:
    return Recent(
        event_id=row.event_id,
        trigger=Trigger(row.trigger),
        contract_id=row.contract_id,
        business_unit=row.business_unit,
        created_at=row.created_at,
        state=row.state,
        attempts=row.attempts,
        replaying=row.replaying,
        last_at=row.last_at,
        last_outcome=None if row.last_outcome is None else Outcome(row.last_outcome),
        last_status=row.last_status,
        duration_ms=row.duration_ms,
        words=row.last_words,
    )
