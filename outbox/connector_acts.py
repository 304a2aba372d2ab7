"""What people do to a connector that may concern a million deliveries: in batches, and within a request's time."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from outbox.connector_edits import (
    Author,
    cancel_waiting,
    disable_connector,
    discarded_by,
    remove_connector,
    removed_by,
)
from outbox.connectors import StandingConnector
from outbox.resources import query


@dataclass(frozen=True, slots=True)
class Pace:
    """How many deliveries one transaction cancels, for it holds everybody's settles in their lanes; and how many run.

    What is left then is the sweep's, within a minute.
    """

    batch: int = 2_000
    batches: int = 10


PACE: Final = Pace()
"""About a second's work, within one request."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """How many waiting deliveries were cancelled, and whether some are left to the sweep."""

    cancelled: int
    left: bool


def discard(engine: Engine, connector_id: int, *, reason: str, author: Author, pace: Pace = PACE) -> Emptied | None:
    """Disables it and drops what waits; None when it was disabled so already, or is removed."""
    with engine.begin() as connection:
        cancelled = disable_connector(
            connection, connector_id, reason=reason, author=author, discard=True, most=pace.batch
        )
    if cancelled is None:
        return None
    return _emptied(engine, connector_id, cancelled, words=discarded_by(author), author=author, pace=pace)


def remove(engine: Engine, standing: StandingConnector, *, author: Author, pace: Pace = PACE) -> Emptied:
    """Removes it and cancels what waits; RefusedError when somebody else changed it since it was read."""
    with engine.begin() as connection:
        cancelled = remove_connector(connection, standing, author=author, most=pace.batch)
    return _emptied(engine, standing.id, cancelled, words=removed_by(author), author=author, pace=pace)


def probe_now(connection: Connection, connector_id: int) -> bool:
    """Lets a held connector be probed at once; False where it isn't held, or a probe is out."""
    return connection.execute(query("health_probe_now"), {"connector_id": connector_id}).rowcount == 1


def _emptied(engine: Engine, connector_id: int, cancelled: int, *, words: str, author: Author, pace: Pace) -> Emptied:
    last, run = cancelled, 1
    while last >= pace.batch and run < pace.batches:
        with engine.begin() as connection:
            last = cancel_waiting(connection, connector_id, words=words, author=author, most=pace.batch)
        cancelled, run = cancelled + last, run + 1
    return Emptied(cancelled, left=last >= pace.batch)
