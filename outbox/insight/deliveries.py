"""Lists deliveries, a page at a time, newest first, by any filters; everything within the asker's business units."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from outbox import audit
from outbox.access import Within
from outbox.audit_views import Answer, Asked, Question
from outbox.cursor import Cursor, Place
from outbox.errors import ConfigurationError
from outbox.insight.delivery_keys import sorting_of
from outbox.insight.delivery_walk import PATIENCE_SECONDS, walk
from outbox.replay import Key, arrays
from outbox.resources import query

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries: columns as outbox_audit.deliveries has them, connector_id, and how the last attempt ended.

    `older` and `newer` are where to go on, None where nothing is known to be there. Where the look `stopped` before the
    page was full, `looked_to` says how far it went: to what was routed then, or to this event.
    """

    rows: tuple[Answer, ...]
    older: Cursor | None = None
    newer: Cursor | None = None
    looked_to: datetime | int | None = None

    @property
    def stopped(self) -> bool:
        """Whether more may be found further on, though the page isn't full."""
        return self.looked_to is not None


def listed(
    connection: Connection,
    question: Question,
    *,
    within: Within,
    cursor: Cursor | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Page:
    """The page at the cursor, without one the newest; ConfigurationError for unknown names and a foreign cursor."""
    asked = resolved(connection, question, within=within)
    sorting, start = sorting_of(asked), start_of(asked, cursor)
    newer = cursor is not None and cursor.newer
    most = question.limit or PAGE
    walked = walk(connection, asked, start, newer=newer, most=most + 1, patience=patience)
    places = walked.places[:most]
    full = len(walked.places) > most
    beyond = places[-1] if full else walked.stopped
    onward = None if beyond is None else Cursor(sorting, beyond, newer)
    behind = places[0] if places else start
    back = None if start is None or behind is None else Cursor(sorting, behind, not newer)
    older, newest = (back, onward) if newer else (onward, back)
    stopped = None if full else walked.stopped
    return Page(
        rows_of(connection, [one.key for one in (places[::-1] if newer else places)], within=within),
        older,
        newest,
        None if stopped is None else stopped.routed_at or stopped.event_id,
    )


def resolved(connection: Connection, question: Question, *, within: Within) -> Asked:
    """The question with its names looked up; what isn't `within` is as if it didn't exist."""
    return audit.resolve(connection, replace(question, within=within))


def start_of(asked: Asked, cursor: Cursor | None) -> Place | None:
    """The cursor's place; ConfigurationError where it is of other filters."""
    if cursor is None:
        return None
    if cursor.sorting is not sorting_of(asked):
        raise ConfigurationError("cursor: expected one of the same filters, got one of others; start anew")
    return cursor.place


def rows_of(connection: Connection, keys: Sequence[Key], *, within: Within) -> tuple[Answer, ...]:
    """These deliveries, in this order, as they stand now."""
    asked = arrays(keys) | {"within": None if within is None else list(within)}
    return tuple(dict(row) for row in connection.execute(query("insight_deliveries"), asked).mappings())
