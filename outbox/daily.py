"""Finished days, counted once: what outbox_audit.connector_daily says of a day that is over."""

from sqlalchemy import Engine

from outbox import worker
from outbox.resources import query


def close_days(engine: Engine, *, chore: str, seconds: float) -> int:
    """Counts every day that is over and not counted yet, where it is this worker's turn; returns how many.

    Each in a transaction of its own.
    """
    with engine.begin() as connection:
        if not worker.tick(connection, chore, seconds=seconds):
            return 0
    closed = 0
    while _close_day(engine):
        closed += 1
    return closed


def _close_day(engine: Engine) -> bool:
    with engine.begin() as connection:
        return connection.execute(query("close_day")).one_or_none() is not None
