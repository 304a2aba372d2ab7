"""Connectors held, let go, given up by what their attempts tell: recorded as they are settled, told once it stands."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, Engine

from outbox import health
from outbox.breaker import Rules, Turn, Verdict, tallies
from outbox.connectors import disable
from outbox.log import get_log
from outbox.model import Attempt, Connector


class Holds:
    """What one worker finds of receivers; belongs to the relay's thread."""

    def __init__(self, engine: Engine, *, worker: str, rules: Rules) -> None:
        self._engine = engine
        self._worker = worker
        self._rules = rules
        self._given_up: dict[int, tuple[Connector, str]] = {}

    def record(
        self, connection: Connection, attempts: Iterable[Attempt], *, late: Collection[tuple[int, int]]
    ) -> list[Verdict]:
        """Writes what settled attempts tell, in their own transaction; those that came late tell nothing."""
        timely = (one for one in attempts if (one.leased.connector_id, one.leased.event_id) not in late)
        return health.record(connection, tallies(timely), rules=self._rules)

    def tell(self, verdicts: Iterable[Verdict], connectors: Mapping[int, Connector]) -> None:
        """Says what turned, once it is committed; what is given up is disabled by `disable_given_up`."""
        for one in verdicts:
            connector = connectors[one.connector_id]
            match one.turn:
                case Turn.HELD:
                    get_log().warning("connector_held", connector=connector.name, reason=one.words)
                case Turn.ANSWERS:
                    get_log().info("connector_answers", connector=connector.name)
                case Turn.GIVEN_UP:
                    self._given_up[one.connector_id] = connector, one.words
                case None:
                    pass

    def disable_given_up(self) -> None:
        """Disables them, apart: a transaction never waits for a connector under lanes."""
        for one, words in list(self._given_up.values()):
            with self._engine.begin() as connection:
                disabled = disable(connection, one.id, version=one.version, reason=words, by=self._worker)
            del self._given_up[one.id]
            if disabled:
                get_log().error("connector_disabled", connector=one.name, reason=words)
