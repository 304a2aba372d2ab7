"""Erases a contract's content: what it would take, and the deed. The rules stand in the database, in `outbox.erase`."""

from dataclasses import astuple, dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from outbox.db import has_to_wait
from outbox.errors import OutboxError
from outbox.resources import query


@dataclass(frozen=True, slots=True)
class Content:
    """In how many rows content of a contract is kept; `notes` are to be routed, `waiting` stands in the queue.

    `unclear_errors` are capture errors of which nobody can tell whose they are: they may be its.
    """

    events: int
    deliveries: int
    attempts: int
    notes: int
    waiting: int
    capture_errors: int
    unclear_errors: int

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to erase or cancel, for sure."""
        return not any(astuple(self))


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken; `unclear_errors` are capture errors of which nobody can tell whose they are: they stand."""

    events: int
    deliveries: int
    attempts: int
    notes: int
    cancelled: int
    capture_errors: int
    unclear_errors: int


def content_of(connection: Connection, contract: str) -> Content:
    """What is kept of a contract; needs the rights of outbox_eraser, or to be the owner."""
    return Content(*connection.execute(query("erasure_content"), {"contract": contract}).one())


def erase(connection: Connection, contract: str, *, by: str, reason: str) -> Erased:
    """Erases, in the caller's transaction; OutboxError where the contract's lane could not be had in time."""
    try:
        row = connection.execute(query("erase"), {"contract": contract, "by": by, "reason": reason}).one()
    except DBAPIError as error:
        if has_to_wait(error):
            raise OutboxError(
                f"contract {contract!r}: another transaction holds its lane and did not let go; nothing was erased;"
                " try again"
            ) from None
        raise
    return Erased(*row)
