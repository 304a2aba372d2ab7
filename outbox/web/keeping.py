"""Answers that a process keeps for all who look: however many do, each question is put seldom, and by one."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from outbox.kept import Kept
from outbox.resources import query

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 8.0
GRACE_SECONDS = 60.0
MOST_KEPT = 100
"""Questions of which the answer is kept: those of each limit to business units are questions of their own."""


class Keeping:
    """The question is told from others by its key, in which the asker's limit to business units stands."""

    def __init__(self, reading: Callable[[float], AbstractContextManager[Connection]]) -> None:
        self._reading = reading
        self._kept: OrderedDict[Hashable, Kept[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(
        self,
        key: Hashable,
        question: Callable[[Connection], Answer],
        *,
        seconds: float,
        share: float = 0.0,
        patience: float = PATIENCE_SECONDS,
    ) -> Answer:
        """The answer, at most so many seconds old, or `share` times what it took to find; raises what it raised.

        TimeoutError where it takes longer than `patience`: it is found all the same, for who asks next.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = Kept(
                    lambda: self._read(question),
                    seconds=seconds,
                    share=share,
                    patience=patience,
                    grace=GRACE_SECONDS,
                )
                self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return cast("Answer", kept.get())

    def _read(self, question: Callable[[Connection], Answer]) -> Answer:
        with self._reading(PATIENCE_SECONDS) as connection:
            connection.execute(query("dashboard_limits"))
            return question(connection)
