"""Connections that stay open between sends: few, for a short time, the last used first."""

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Connection(Hashable, Protocol):
    """What can be kept open."""

    @property
    def is_connected(self) -> bool:
        """Whether the receiver still holds it open and has said nothing unasked."""


Kept = TypeVar("Kept", bound=Connection)


class IdleConnections(Generic[Kept]):
    """Connections kept open between sends: at most `most` over all pools, and none is used again after `seconds`.

    `end` is what becomes of one that is too many, too old or dead.
    """

    def __init__(self, *, most: int, seconds: float, end: Callable[[Kept], None]) -> None:
        self._most = most
        self._end = end
        self._seconds = seconds
        self._lock = threading.Lock()
        self._since: OrderedDict[Kept, tuple[object, float]] = OrderedDict()
        self._by_pool: defaultdict[object, list[Kept]] = defaultdict(list)

    def take(self, pool: object) -> Kept | None:
        """The connection of `pool` that was used last, if it still stands; the caller owns it from here."""
        while True:
            with self._lock:
                kept = self._by_pool.get(pool)
                if not kept:
                    return None
                connection = kept[-1]
                _, since = self._since[connection]
                self._drop(connection)
            if time.monotonic() - since < self._seconds and connection.is_connected:
                return connection
            self._end(connection)

    def keep(self, pool: object, connection: Kept) -> None:
        """Keeps a connection whose answer was read to the end; ends the ones that are too old or too many."""
        now = time.monotonic()
        surplus = []
        with self._lock:
            self._since[connection] = (pool, now)
            self._by_pool[pool].append(connection)
            while self._since:
                oldest, (_, since) = next(iter(self._since.items()))
                if len(self._since) <= self._most and now - since < self._seconds:
                    break
                self._drop(oldest)
                surplus.append(oldest)
        for one in surplus:
            self._end(one)

    def close(self) -> None:
        """Ends all."""
        with self._lock:
            kept = list(self._since)
            self._since.clear()
            self._by_pool.clear()
        for connection in kept:
            self._end(connection)

    def _drop(self, connection: Kept) -> None:
        pool, _ = self._since.pop(connection)
        self._by_pool[pool].remove(connection)
        if not self._by_pool[pool]:
            del self._by_pool[pool]
