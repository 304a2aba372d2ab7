"""The doctor's findings for a page: looked for on demand, once for all who look within a minute."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine

from outbox.doctor import SECTIONS, Finding, Level, examine
from outbox.settings import Settings

KEPT_SECONDS = 60.0
LEAST_SECONDS = 5.0
"""Whoever asks again within that time sees what was found: an examination takes seconds of the database."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the doctor found, by section, and when."""

    at: datetime
    sections: Mapping[str, Sequence[Finding]]

    def counted(self, level: Level) -> int:
        """How many findings are of that level."""
        return sum(one.level is level for found in self.sections.values() for one in found)


@dataclass
class Examination:
    """Looks, and keeps what it saw; who asks while it looks waits for the same answer."""

    engine: Callable[[], Engine]
    settings: Settings
    _found: Findings | None = None
    _until: float = 0.0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def findings(self, *, again: bool = False) -> Findings:
        """What was found within the last minute; `again`: within the last seconds."""
        with self._looking:
            enough = KEPT_SECONDS - LEAST_SECONDS if again else 0.0
            if self._found is None or time.monotonic() > self._until - enough:
                self._found = self._look()
                self._until = time.monotonic() + KEPT_SECONDS
            return self._found

    def _look(self) -> Findings:
        found = examine(self.engine(), self.settings)
        sections = {title: [one for one in found if one.name in checks] for title, checks in SECTIONS.items()}
        return Findings(datetime.now(UTC), {title: some for title, some in sections.items() if some})
