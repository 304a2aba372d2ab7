"""Cancel: what a person wants not to be sent after all. Batches, under the lane locks of their contracts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine

from outbox import store
from outbox.replay import Key, arrays, batches
from outbox.resources import query


class Verdict(StrEnum):
    """What cancelling does with a delivery: the first does as asked, the others refuse."""

    CANCELLED = "cancelled"
    LEASED = "leased"
    FINISHED = "finished"

    @property
    def refused(self) -> bool:
        """Whether nothing is done."""
        return self is not Verdict.CANCELLED


_WORDS = {
    Verdict.CANCELLED: "is cancelled; a replay would send it after all",
    Verdict.LEASED: "is not cancelled: it is being sent at this moment, and its receiver may have it",
    Verdict.FINISHED: "is not cancelled: it does not wait any more",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivery and what cancelling it does."""

    event_id: int
    connector_id: int
    connector: str
    contract_id: str
    verdict: Verdict

    @property
    def key(self) -> Key:
        """The delivery."""
        return self.event_id, self.connector_id

    @property
    def words(self) -> str:
        """The verdict for people."""
        return _WORDS[self.verdict]


def judge(connection: Connection, keys: Sequence[Key]) -> Iterator[Judged]:
    """What cancelling each of these deliveries would do; one that doesn't exist is left out."""
    for batch in batches(keys):
        yield from _judge(connection, batch)


def cancel(engine: Engine, keys: Sequence[Key], *, asked_by: str) -> Iterator[Judged]:
    """Cancels these deliveries, a transaction a batch, and tells what was done with each; who asked is recorded."""
    for batch in batches(keys):
        with engine.begin() as connection:
            done = _cancel(connection, batch, asked_by=asked_by)
        yield from done


def _cancel(connection: Connection, batch: Sequence[Key], *, asked_by: str) -> list[Judged]:
    store.lane_locks(connection, (one.contract_id for one in _judge(connection, batch)))
    judged = _judge(connection, batch)  # again: whoever held the lanes may have settled some of them
    able = [one.key for one in judged if not one.verdict.refused]
    gone = connection.execute(query("cancel"), arrays(able) | {"asked_by": asked_by}).all() if able else []
    store.promote(connection, [(row.connector_id, row.contract_id) for row in gone])
    refused = set(able) - {(row.event_id, row.connector_id) for row in gone}  # claimed meanwhile
    return [one for one in judged if one.key not in refused] + _judge(connection, sorted(refused))


def _judge(connection: Connection, batch: Sequence[Key]) -> list[Judged]:
    if not batch:
        return []
    rows = connection.execute(query("cancel_verdicts"), arrays(batch))
    return [
        Judged(row.event_id, row.connector_id, row.connector, row.contract_id, Verdict(row.verdict)) for row in rows
    ]
