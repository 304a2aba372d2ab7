"""Hears the capture's NOTIFY on a connection of its own, and calls back; polling goes on without it."""

import math
import threading
import time
from collections.abc import Callable, Mapping

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from outbox.log import get_log

CHANNEL = "outbox"
TRAILING_SECONDS = 0.075
"""A writer that skipped its NOTIFY may commit after the one that sent it: one more call follows each wake."""

_LISTEN_SECONDS = 1.0
_RECONNECT_SECONDS = 5.0


class Listener:
    """A thread that listens until `stop`; a lost connection is opened again."""

    def __init__(self, url: URL, woken: Callable[[], None], *, link_settings: Mapping[str, int]) -> None:
        self._conninfo = make_conninfo(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            application_name="contract-outbox wake",
            **link_settings,
        )
        self._woken = woken
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wake", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends within the second."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * _LISTEN_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True) as link:
                    link.execute(f"LISTEN {CHANNEL}")
                    self._hear(link)
            except psycopg.Error as error:
                get_log().warning("wake_connection_lost", error=str(error).strip(), retry_seconds=_RECONNECT_SECONDS)
                self._stopping.wait(_RECONNECT_SECONDS)

    def _hear(self, link: "psycopg.Connection[tuple[object, ...]]") -> None:
        trailing_at = math.inf
        while not self._stopping.is_set():
            left = max(0.0, trailing_at - time.monotonic())
            heard = any(True for _ in link.notifies(timeout=min(_LISTEN_SECONDS, left), stop_after=1))
            if heard:
                trailing_at = time.monotonic() + TRAILING_SECONDS
                self._woken()
            elif time.monotonic() >= trailing_at:
                trailing_at = math.inf
                self._woken()
