"""The signals that ask a daemon to end."""

import queue
import signal
import threading
from collections.abc import Callable


class EndSignals:
    """Gets SIGTERM and SIGINT from the moment it is made, in the main thread, though nobody obeys them yet.

    A handler runs wherever the main thread is, in the middle of an Event's own lock too. Only this put may meet itself.
    """

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda number, _: self._told.put(number))

    def call(self, end: Callable[[], None]) -> None:
        """From now on the first of them, also one that came before, calls `end` in a thread of its own."""

        def obey() -> None:
            self._told.get()
            end()

        threading.Thread(target=obey, name="signals", daemon=True).start()
