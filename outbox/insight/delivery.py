"""One delivery whole: its report, its attempts with what they sent and got, its replays, and why it waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from outbox import canonical
from outbox.access import Within
from outbox.audit_views import Answer
from outbox.delivery_story import Tried
from outbox.replay import Key
from outbox.resources import query

SHOWN_BYTES: Final = 65_536
"""As much of a report and of an answer is read for a page; the whole is downloaded."""

WHOLE: Final = 2**31 - 1
MOST_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True)
class Replay:
    """Who asked for a replay: `again` of what was finished, `forward` of what waited."""

    verdict: str
    asked_at: datetime
    asked_by: str


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an attempt sent beside the report, and what it got; `response_cut`: more came than is kept."""

    request_headers: Mapping[str, str]
    response_headers: Mapping[str, str] | None
    response_body: bytes | None
    response_size: int | None
    response_cut: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands; `facts` are the columns of sql/queries/insight_delivery.sql, attempts newest first."""

    facts: Answer
    attempts: tuple[Tried, ...]
    replays: tuple[Replay, ...]

    @property
    def key(self) -> Key:
        """Event id and connector id."""
        return self.facts["event_id"], self.facts["connector_id"]


def read_delivery(connection: Connection, key: Key, *, within: Within, most: int = SHOWN_BYTES) -> Delivery | None:
    """The delivery with the first `most` bytes of its report; None where there is none, or none within."""
    asked: dict[str, Any] = {"event_id": key[0], "connector_id": key[1], "within": _units(within)}
    row = connection.execute(query("insight_delivery"), asked | {"most": most}).mappings().one_or_none()
    if row is None:
        return None
    attempts = connection.execute(query("insight_attempts"), asked | {"most": MOST_ATTEMPTS})
    replays = connection.execute(query("insight_replays"), asked | {"most": MOST_ATTEMPTS})
    return Delivery(
        {**row, "body": None if row["body"] is None else bytes(row["body"])},
        tuple(_attempt(one) for one in attempts),
        tuple(Replay(one.verdict, one.asked_at, one.asked_by) for one in replays),
    )


def exchanged(
    connection: Connection, key: Key, number: int, *, late: bool = False, within: Within, most: int = SHOWN_BYTES
) -> Exchanged | None:
    """What this attempt sent and got, with the first `most` bytes of the answer; None where there is none within."""
    asked: dict[str, Any] = {"event_id": key[0], "connector_id": key[1], "within": _units(within)}
    asked |= {"number": number, "late": late, "most": most}
    row = connection.execute(query("insight_attempt"), asked).one_or_none()
    if row is None:
        return None
    return Exchanged(
        canonical.loads(row.request_headers) if row.request_headers else {},
        canonical.loads(row.response_headers) if row.response_headers else None,
        None if row.response_body is None else bytes(row.response_body),
        row.response_size,
        row.response_cut,
    )


def _attempt(row: Row[Any]) -> Tried:
    timings = canonical.loads(row.timings) if row.timings else {}
    return Tried(
        number=row.number,
        late=row.late,
        kind=row.kind,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        timings={phase: float(spent) for phase, spent in timings.items()},
        outcome=row.outcome,
        status_code=row.status_code,
        error_code=row.error_code,
        error=row.error,
        url=row.url,
        worker=row.worker,
        settled=row.settled,
        connector_version=row.connector_version,
    )


def _units(within: Within) -> list[str] | None:
    return None if within is None else list(within)
