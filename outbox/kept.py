"""An answer that is kept for a while: however many ask, the question is put by one at a time, and seldom."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """Puts a question that may be slow, or never be answered, in a daemon thread of its own.

    It is put again after `seconds`, and not before `share` times as long as it took: what it costs stays a share of
    the time, however much there is to look at. After one that failed it is put again at once.
    """

    def __init__(self, question: Callable[[], Answer], *, seconds: float, share: float = 0.0, patience: float) -> None:
        self._question = question
        self._seconds = seconds
        self._share = share
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: Future[Answer] | None = None
        self._again_at = 0.0

    def get(self) -> Answer:
        """The answer, fresh or kept; raises what the question raised, or TimeoutError where patience ends before."""
        with self._lock:
            if self._asked is None or (self._asked.done() and time.monotonic() >= self._again_at):
                self._asked = Future()
                threading.Thread(target=self._ask, args=(self._asked,), name="look", daemon=True).start()
            asked = self._asked
        return asked.result(timeout=self._patience)

    def _ask(self, asked: "Future[Answer]") -> None:
        began = time.monotonic()
        try:
            answer = self._question()
        except Exception as error:  # noqa: BLE001 (whoever asked raises it)
            self._again_at = 0.0
            asked.set_exception(error)
        else:
            took = time.monotonic() - began
            self._again_at = time.monotonic() + max(self._seconds, self._share * took)
            asked.set_result(answer)
