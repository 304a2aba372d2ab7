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

BATCH: Final = 2_000
"""Deliveries that are cancelled in one transaction: it holds their lanes, and everybody's settles in them."""
BATCHES: Final = 10
"""Transactions in one request; what is left then is the sweep's, within a minute."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """How many waiting deliveries were cancelled, and whether some are left to the sweep."""

    cancelled: int
    left: bool


def discard(engine: Engine, connector_id: int, *, reason: str, author: Author) -> Emptied | None:
    """Disables it and drops what waits; None when it was disabled so already, or is removed."""
    with engine.begin() as connection:
        cancelled = disable_connector(connection, connector_id, reason=reason, author=author, discard=True, most=BATCH)
    return None if cancelled is None else _emptied(engine, connector_id, cancelled, discarded_by(author), author)


def remove(engine: Engine, standing: StandingConnector, *, author: Author) -> Emptied:
    """Removes it and cancels what waits; RefusedError when somebody else changed it since it was read."""
    with engine.begin() as connection:
        cancelled = remove_connector(connection, standing, author=author, most=BATCH)
    return _emptied(engine, standing.id, cancelled, removed_by(author), author)


def probe_now(connection: Connection, connector_id: int) -> bool:
    """Lets a held connector be probed at once; False where it isn't held, or a probe is out."""
    return connection.execute(query("health_probe_now"), {"connector_id": connector_id}).rowcount == 1


def _emptied(engine: Engine, connector_id: int, cancelled: int, words: str, author: Author) -> Emptied:
    batch, batches = cancelled, 1
    while batch >= BATCH and batches < BATCHES:
        with engine.begin() as connection:
            batch = cancel_waiting(connection, connector_id, words=words, author=author, most=BATCH)
        cancelled, batches = cancelled + batch, batches + 1
    return Emptied(cancelled, left=batch >= BATCH)
