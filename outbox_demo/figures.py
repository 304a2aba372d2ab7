"""The figures that the live view shows, read once a second from the journal, the database and the receivers' logs."""

import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

COUNTS = """
  SELECT (SELECT count(*) FROM outbox.event),
         (SELECT count(*) FROM outbox.decision WHERE reason IN ('coalesced', 'unchanged', 'contract_gone')),
         (SELECT count(*) FROM outbox.inbox),
         (SELECT count(*) FROM outbox.delivery),
         (SELECT count(*) FROM outbox.queue),
         (SELECT count(*) FROM outbox.attempt),
         (SELECT count(*) FROM outbox.attempt WHERE outcome <> 'ok'),
         (SELECT count(*) FROM outbox.attempt WHERE settled = 'delivered'),
         (SELECT count(*) FROM outbox.attempt WHERE settled = 'dead')
"""
LAGS_KEPT = 500
RATE_SECONDS = 5.0


@dataclass
class Seen:
    """What one receiver saw; `lags` holds seconds from the application's change to the report's arrival."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))
    last: str = ""

    def lag(self, share: float) -> float | None:
        """The lag that this share of the recent reports did not exceed."""
        ordered = sorted(self.lags)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


@dataclass(frozen=True)
class Figures:
    """All counts at one moment; `at` is seconds of a monotonic clock."""

    at: float
    commits: int = 0
    rollbacks: int = 0
    events: int = 0
    merged: int = 0
    unrouted: int = 0
    deliveries: int = 0
    waiting: int = 0
    attempts: int = 0
    failed: int = 0
    delivered: int = 0
    dead: int = 0
    receivers: Mapping[str, Seen] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to route or to deliver."""
        return not self.unrouted and not self.waiting


class Tail:
    """The lines that were added to a file of JSON lines since the last look; a line half written waits."""

    def __init__(self, file: Path) -> None:
        self._file, self._offset = file, 0

    def read(self) -> list[dict[str, Any]]:
        """The new lines."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as lines:
            lines.seek(self._offset)
            whole, newline, _ = lines.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


class Gauge:
    """Reads the figures; keeps those of the last seconds for rates."""

    def __init__(
        self, connection: psycopg.Connection[tuple[int, ...]], *, journal: Path, logs: Mapping[str, Path]
    ) -> None:
        self._connection = connection
        self._journal = Tail(journal)
        self._logs = {name: Tail(file) for name, file in logs.items()}
        self._seen = {name: Seen() for name in logs}
        self._outcomes: Counter[str] = Counter()
        self._recent: deque[Figures] = deque([Figures(time.monotonic())])

    def read(self) -> Figures:
        """The figures now."""
        self._outcomes.update(line["outcome"] for line in self._journal.read() if "outcome" in line)
        for name, tail in self._logs.items():
            for line in tail.read():
                _look(self._seen[name], line)
        counts = self._connection.execute(COUNTS).fetchone()
        events, merged, unrouted, deliveries, waiting, attempts, failed, delivered, dead = counts or (0,) * 9
        now = Figures(
            at=time.monotonic(),
            commits=self._outcomes["committed"],
            rollbacks=self._outcomes["rolled back"],
            events=events,
            merged=merged,
            unrouted=unrouted,
            deliveries=deliveries,
            waiting=waiting,
            attempts=attempts,
            failed=failed,
            delivered=delivered,
            dead=dead,
            receivers=self._seen,
        )
        self._recent.append(now)
        while now.at - self._recent[0].at > RATE_SECONDS:
            self._recent.popleft()
        return now

    def rate(self, name: str) -> float:
        """How much a count grew a second, over the last seconds."""
        first, last = self._recent[0], self._recent[-1]
        passed = last.at - first.at
        return float(getattr(last, name) - getattr(first, name)) / passed if passed else 0.0


def _look(seen: Seen, line: Mapping[str, Any]) -> None:
    status = line["status"]
    if status in range(200, 300):
        seen.accepted += 1
        if line["occurred_at"]:
            passed = datetime.fromisoformat(line["at"]) - datetime.fromisoformat(line["occurred_at"])
            seen.lags.append(passed.total_seconds())
    else:
        seen.refused[str(status) if status else "closed"] += 1
    seen.last = f"{line['trigger']} of {line['contract']}"
