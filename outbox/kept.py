"""An answer that is kept for a while: however many ask, the question is put by one at a time, and seldom."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

LONG_SECONDS = 0.1
"""So long may whoever asks be kept waiting."""


class Kept(Generic[Answer]):
    """Puts a question that may be slow, or never be answered, in a daemon thread of its own.

    It is put again after `seconds`, and not before `share` times as long as it took: what it costs stays a share of
    the time, however much there is to look at. After one that failed it is put again at once.
    With `grace` nobody waits for a question that took long: for so many seconds more the last answer is given, while
    it is put again.
    """

    def __init__(
        self,
        question: Callable[[], Answer],
        *,
        seconds: float,
        share: float = 0.0,
        patience: float,
        grace: float = 0.0,
    ) -> None:
        self._question = question
        self._seconds = seconds
        self._share = share
        self._patience = patience
        self._grace = grace
        self._lock = threading.Lock()
        self._asked: Future[Answer] | None = None
        self._last: Future[Answer] | None = None
        self._took = 0.0
        self._again_at = 0.0

    def get(self) -> Answer:
        """The answer, fresh or kept; raises what the question raised, or TimeoutError where patience ends before."""
        with self._lock:
            if self._asked is None or (self._asked.done() and time.monotonic() >= self._again_at):
                self._last, self._asked = self._asked, Future()
                threading.Thread(target=self._ask, args=(self._asked,), name="look", daemon=True).start()
            asked = self._last if self._last is not None and self._graced(self._asked) else self._asked
        return asked.result(timeout=self._patience)

    def _graced(self, asked: "Future[Answer]") -> bool:
        """Whether the last answer will do: the question takes long and is being put, and the answer isn't old."""
        return (
            not asked.done()
            and self._took > LONG_SECONDS
            and self._again_at > 0.0
            and time.monotonic() < self._again_at + self._grace
        )

    def _ask(self, asked: "Future[Answer]") -> None:
        began = time.monotonic()
        try:
            answer = self._question()
        except Exception as error:  # noqa: BLE001 (whoever asked raises it)
            self._again_at = 0.0
            asked.set_exception(error)
        else:
            self._took = time.monotonic() - began
            self._again_at = time.monotonic() + max(self._seconds, self._share * self._took)
            asked.set_result(answer)
