"""Alerts on record: what stands, what was told, and who tells it now; one table, over all hosts and restarts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from outbox import canonical
from outbox.alerting import Alert, Changes, Severity, Trouble
from outbox.attempt_columns import storable
from outbox.resources import query


@dataclass(frozen=True, slots=True)
class Place:
    """The database that alerts are about, and its time."""

    database: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Deaf:
    """How the hook fails: since when what is to be told waits, how much of it, and the last error."""

    waiting: int
    seconds: float
    error: str | None


def live_alerts(connection: Connection) -> tuple[Alert, ...]:
    """Those of which something may be to tell still."""
    return tuple(_alert(row) for row in connection.execute(query("alert_live")))


def write_changes(connection: Connection, changes: Changes) -> None:
    """Writes what a look changed."""
    for name, troubles in (("alert_begin", changes.begin), ("alert_stands", changes.stand)):
        if troubles:
            connection.execute(query(name), _columns(troubles))
    if changes.gone or changes.ended:
        connection.execute(query("alert_gone"), {"gone": list(changes.gone), "ended": list(changes.ended)})


def take(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Takes the right to send these; under the tick of the job, so that nobody else does."""
    if alerts:
        connection.execute(query("alert_try"), {"ids": [one.id for one in alerts]})


def told(connection: Connection, alert: Alert, *, well: bool, error: str | None) -> None:
    """Writes what came of sending one: None where the hook took it."""
    connection.execute(query("alert_told"), {"id": alert.id, "well": well, "error": storable(error)})


def count_open(connection: Connection) -> Mapping[str, int]:
    """How many stand, by rule."""
    return {row.rule: row.alerts for row in connection.execute(query("alert_count"))}


def place(connection: Connection) -> Place:
    """Where we are, and when."""
    row = connection.execute(query("alert_place")).one()
    return Place(row.database, row.now)


def deaf(connection: Connection) -> Deaf | None:
    """How the hook fails; None where it took what it was sent."""
    row = connection.execute(query("alert_untold")).one()
    return Deaf(row.waiting, row.age, row.error) if row.waiting else None


def _columns(troubles: Sequence[Trouble]) -> dict[str, list[str | None]]:
    return {
        "rules": [one.rule for one in troubles],
        "subjects": [one.subject for one in troubles],
        "severities": [one.severity.value for one in troubles],
        "titles": [storable(one.title) for one in troubles],
        "words": [storable(one.words) for one in troubles],
        "mends": [storable(one.mend) for one in troubles],
        "facts": [canonical.dumps(one.facts).decode() for one in troubles],
    }


def _alert(row: Row[Any]) -> Alert:
    facts = canonical.loads(row.facts)
    trouble = Trouble(row.rule, row.subject, Severity(row.severity), row.title, row.words, row.mend, facts)
    return Alert(
        id=row.id,
        trouble=trouble,
        began_at=row.began_at,
        gone_at=row.gone_at,
        ended_at=row.ended_at,
        told=row.told,
        told_at=row.told_at,
        tried_at=row.tried_at,
    )
