"""What is done with many deliveries, in words: a line for each verdict and connector."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from outbox import cancel, replay
from outbox.bulk import Tally, Verdict

_WORDS: Final[Mapping[Verdict, str]] = {
    replay.Verdict.AGAIN: "sent again",
    replay.Verdict.FORWARD: "waiting: sent now instead of later",
    replay.Verdict.DUE: "due already: nothing to bring forward",
    replay.Verdict.LEASED: "being sent at this moment: nothing to bring forward",
    replay.Verdict.BLOCKED: "behind another report of their contract, which is sent now",
    replay.Verdict.DISABLED: "not replayed: the connector is disabled; enable it first",
    replay.Verdict.REMOVED: "not replayed: the connector is removed",
    replay.Verdict.NO_BODY: "not replayed: there is no report, it could not be built",
    replay.Verdict.ERASED: "not replayed: the report was erased",
    replay.Verdict.TEST: "not replayed: a test",
    cancel.Verdict.CANCELLED: "cancelled",
    cancel.Verdict.LEASED: "not cancelled: being sent at this moment",
    cancel.Verdict.FINISHED: "not cancelled: they don't wait any more",
}


@dataclass(frozen=True, slots=True)
class Line:
    """So many deliveries of a connector, and what becomes of them."""

    number: int
    connector: str
    words: str
    refused: bool


def verdict_lines(tally: Tally) -> list[Line]:
    """What is done first, then what is refused; the most first."""
    lines = [
        Line(number, connector, _WORDS[verdict], verdict.refused)
        for (verdict, connector), number in tally.counted.items()
    ]
    return sorted(lines, key=lambda line: (line.refused, -line.number, line.connector))
