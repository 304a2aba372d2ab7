"""A place in a list of deliveries, as an opaque text that a link can carry (pure)."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import simplejson

from outbox.errors import ConfigurationError
from outbox.moment import parse_moment, write_moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREIGN = "cursor: expected one that a page gave, got something else; start anew"
_LARGEST = 2**63 - 1


class Sorting(StrEnum):
    """By what a list is sorted, newest first: when deliveries were routed, or by the ids of their events."""

    ROUTED = "routed"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Place:
    """A delivery, there or not, by what lists are sorted by; `routed_at` is None where only the event counts."""

    routed_at: datetime | None
    event_id: int
    connector_id: int

    @property
    def key(self) -> tuple[int, int]:
        """The delivery's."""
        return self.event_id, self.connector_id


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page goes on: beyond this place, towards newer or older ones."""

    sorting: Sorting
    place: Place
    newer: bool = False

    def __str__(self) -> str:
        at = None if self.place.routed_at is None else write_moment(self.place.routed_at)
        parts = [self.sorting.value, int(self.newer), at, self.place.event_id, self.place.connector_id]
        written = simplejson.dumps(parts, separators=(",", ":"))
        return base64.urlsafe_b64encode(written.encode()).decode("ascii").rstrip("=")

    @classmethod
    def read(cls, written: str) -> Self:
        """The cursor that a link carries; ConfigurationError for anything that we didn't write."""
        try:
            text = base64.b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
            parts = simplejson.loads(text.decode())
            sorting, newer, at, event_id, connector_id = parts
            routed_at = None if at is None else parse_moment(at, now=_EPOCH)
            cursor = cls(Sorting(sorting), Place(routed_at, _id(event_id), _id(connector_id)), newer == 1)
        except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
            raise ConfigurationError(_FOREIGN) from None
        if cursor.sorting is Sorting.ROUTED and routed_at is None:
            raise ConfigurationError(_FOREIGN)
        return cursor


def _id(value: object) -> int:
    if not isinstance(value, int) or not -1 <= value <= _LARGEST:
        raise ValueError("expected an id")
    return value
