"""The statements of expiry: who scans, what is due, raises it in the transaction that marks it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from outbox.deadlines import Progress, Window, lateness
from outbox.resources import query


@dataclass(frozen=True, slots=True)
class State:
    """The scan as it stands; `progress` holds the database's time. The last one took `seconds` and raised `raised`.

    `looked_at` is when it ended, or since when one is wanted; `scanning` while one is under way.
    """

    progress: Progress
    due_at: datetime
    ended_at: datetime | None
    seconds: float | None
    raised: int
    looked_at: datetime
    scanning: bool

    def late(self, *, every: float) -> float:
        """For how many seconds a scan should have ended; below 0 where there is time yet, or one is under way."""
        if self.scanning:
            return -1.0
        return lateness(self.progress.at, self.looked_at, took=self.seconds or 0.0, every=every)


@dataclass(frozen=True, slots=True)
class Raised:
    """What a batch came to: deadlines found, those raised, the span of their events, and how far it came.

    Nothing that is still due is earlier than `floor`. More were found than raised where another was first.
    """

    found: int
    raised: int
    first_event: int | None
    last_event: int | None
    floor: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that raised nothing yet."""

    deadline: datetime
    contract_id: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many deadlines raised nothing yet, the first and the last of them."""

    deadlines: int
    first: datetime | None
    last: datetime | None


def state(connection: Connection) -> State | None:
    """The scan as it stands; None where no mapping with [expired] is installed."""
    row = connection.execute(query("expiry_state")).one_or_none()
    if row is None:
        return None
    progress = Progress(row.since, row.scanned_to, row.swept_at, row.now)
    return State(progress, row.due_at, row.ended_at, row.seconds, row.raised, row.looked_at, row.scanning)


def claim(connection: Connection, worker: str, *, lease_seconds: float, asked: bool) -> Progress | None:
    """The right to scan, where it is due or `asked` for by a person; None where another has it."""
    values = {"worker": worker, "lease_seconds": lease_seconds, "asked": asked}
    row = connection.execute(query("expiry_claim"), values).one_or_none()
    return None if row is None else Progress(row.since, row.scanned_to, row.swept_at, row.now)


def renew(connection: Connection, worker: str, *, lease_seconds: float, unseen_seconds: float) -> bool:
    """Whether the scan is still this worker's; then it is for so long, for one that gives no sign a shorter time."""
    values = {"worker": worker, "lease_seconds": lease_seconds, "unseen_seconds": unseen_seconds}
    return connection.execute(query("expiry_renew"), values).one_or_none() is not None


def release(connection: Connection, worker: str, *, pause_seconds: float) -> None:
    """Gives up a scan of this worker: another may go on after so many seconds."""
    connection.execute(query("expiry_release"), {"worker": worker, "pause_seconds": pause_seconds})


def end(connection: Connection, worker: str, looked: Window, *, due_at: datetime, seconds: float, raised: int) -> None:
    """Says how far the scan came, and when to look next."""
    connection.execute(
        query("expiry_end"),
        {
            "worker": worker,
            "until": looked.until,
            "swept": looked.sweep,
            "due_at": due_at,
            "seconds": seconds,
            "raised": raised,
        },
    )


def be_quick(connection: Connection) -> None:
    """For the rest of the transaction: gives up soon what would wait for a lock, and doesn't wait for the disk."""
    connection.execute(query("job_patience"))
    connection.execute(query("commit_unflushed"))


def raise_due(connection: Connection, looked: Window, *, most: int) -> Raised:
    """Raises the oldest deadlines of the window that raised nothing yet."""
    row = connection.execute(query("expiry_raise"), _asked(looked, most)).one()
    if row.raised:
        connection.execute(query("commit_flushed"))
    return Raised(row.found, row.raised, row.first_event, row.last_event, row.floor)


def record_failure(connection: Connection, looked: Window, *, sqlstate: str, message: str) -> str | None:
    """Records the oldest deadline of the window as one that can't be raised; its contract."""
    values = {"after": looked.after, "until": looked.until, "sqlstate": sqlstate, "message": message}
    contract_id: str | None = connection.execute(query("expiry_fail"), values).scalar_one_or_none()
    return contract_id


def due(connection: Connection, looked: Window, *, most: int | None = None) -> Iterator[Due]:
    """The deadlines of the window that raised nothing yet, oldest first."""
    for row in connection.execute(query("expiry_list"), _asked(looked, most)):
        yield Due(row.deadline, row.contract_id, row.subject)


def count_due(connection: Connection, looked: Window) -> Count:
    """How many deadlines of the window raised nothing yet."""
    row = connection.execute(query("expiry_count"), {"after": looked.after, "until": looked.until}).one()
    return Count(row.deadlines, row.first, row.last)


def under_way(connection: Connection, batch: Raised) -> bool:
    """Whether the reports of a batch wait for a worker that lives: for being routed, or for their first try."""
    values = {"first_event": batch.first_event, "last_event": batch.last_event}
    return bool(connection.execute(query("expiry_under_way"), values).scalar_one())


def _asked(looked: Window, most: int | None) -> dict[str, object]:
    return {"after": looked.after, "until": looked.until, "most": most}
