"""The database's clock, the only one that decides."""

import time
from datetime import datetime, timedelta


class DatabaseClock:
    """The database's time, carried on between two looks by the machine's monotonic clock."""

    def __init__(self) -> None:
        self._at: tuple[datetime, float] | None = None

    def set(self, now: datetime) -> None:
        """Takes the database's word for the present moment."""
        self._at = (now, time.monotonic())

    def now(self) -> datetime:
        """The database's time; a claim sets it, and nothing is sent, or leased at birth, before the first."""
        if self._at is None:
            raise RuntimeError("expected the database's time before its first use, got none")
        return self._at[0] + timedelta(seconds=time.monotonic() - self._at[1])
