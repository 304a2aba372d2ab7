"""Replay: what a person wants sent again, or sooner. Batches, under the lane locks of their contracts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Connection, Engine

from outbox.audit_names import connector_ids
from outbox.errors import RefusedError
from outbox.resources import query

BATCH = 500
"""Deliveries in one transaction: it stays well under the two seconds that claims allow for."""

Key: TypeAlias = tuple[int, int]
"""Event id and connector id of a delivery."""


class Verdict(StrEnum):
    """What a replay does with a delivery: the first five do as asked, the others refuse."""

    AGAIN = "again"
    FORWARD = "forward"
    DUE = "due"
    LEASED = "leased"
    BLOCKED = "blocked"
    DISABLED = "disabled"
    REMOVED = "removed"
    NO_BODY = "no_body"
    ERASED = "erased"
    TEST = "test"

    @property
    def refused(self) -> bool:
        """Whether nothing is done, and never will be while things stand so."""
        return self in _REFUSED


_REFUSED = frozenset({Verdict.DISABLED, Verdict.REMOVED, Verdict.NO_BODY, Verdict.ERASED, Verdict.TEST})
_WORDS = {
    Verdict.AGAIN: "is due again",
    Verdict.FORWARD: "waited for its next attempt; it is due now",
    Verdict.DUE: "is due already; nothing to bring forward",
    Verdict.LEASED: "is being sent at this moment; nothing to bring forward",
    Verdict.BLOCKED: "waits behind event {head} of the same contract, which is due now",
    Verdict.DISABLED: "is not replayed: connector {connector!r} is disabled; enable it with `outbox connectors enable`",
    Verdict.REMOVED: "is not replayed: connector {connector!r} is removed;"
    " add a connector, then `outbox connectors backfill`",
    Verdict.NO_BODY: "is not replayed: there is no report to send, it could not be built",
    Verdict.ERASED: "is not replayed: its report was erased; outbox_audit.erasures says when, by whom and why",
    Verdict.TEST: "is not replayed: it was a test; make another with `outbox connectors test`",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivery and what its replay does; `head` is the event at the head of the lane of a blocked one."""

    event_id: int
    connector_id: int
    connector: str
    contract_id: str
    verdict: Verdict
    head: int | None = None

    @property
    def key(self) -> Key:
        """The delivery."""
        return self.event_id, self.connector_id

    @property
    def words(self) -> str:
        """The verdict for people; of a refusal, what to do about it."""
        return _WORDS[self.verdict].format(connector=self.connector, head=self.head)


def judge(connection: Connection, keys: Sequence[Key]) -> Iterator[Judged]:
    """What a replay of each of these deliveries would do; one that doesn't exist is left out."""
    for batch in batches(keys):
        yield from _judge(connection, batch)


def replay(engine: Engine, keys: Sequence[Key], *, asked_by: str) -> Iterator[Judged]:
    """Replays these deliveries, a transaction a batch, and tells what was done with each; who asked is recorded."""
    for batch in batches(keys):
        with engine.begin() as connection:
            done = _replay(connection, batch, asked_by=asked_by)
        yield from done


def find_delivery(connection: Connection, event_id: int, connector: str) -> Judged:
    """The delivery of this event for the connector of this name; RefusedError says why there is none."""
    ids = connector_ids(connection, connector)
    found = list(judge(connection, [(event_id, connector_id) for connector_id in ids]))
    if found:
        return next((one for one in found if one.verdict is not Verdict.REMOVED), found[-1])
    row = connection.execute(query("replay_why_none"), {"event_id": event_id, "connector_ids": list(ids)}).one()
    if not row.captured:
        raise RefusedError(f"event {event_id}: there is none; `outbox events` lists them")
    decided = row.decided or "it is not routed yet; it will be sent when it is"
    raise RefusedError(f"event {event_id}: has no delivery for connector {connector!r}: {decided}")


def _replay(connection: Connection, batch: Sequence[Key], *, asked_by: str) -> list[Judged]:
    connection.execute(query("replay_connectors"), {"ids": sorted({connector_id for _, connector_id in batch})})
    contracts = sorted({one.contract_id for one in _judge(connection, batch)})
    connection.execute(query("lane_locks"), {"contract_ids": contracts})
    judged = _judge(connection, batch)  # again: whoever held the lanes may have settled some of them
    again = [one.key for one in judged if one.verdict is Verdict.AGAIN]
    queued = _run(connection, "replay_again", again)
    forward = [one.key for one in judged if one.verdict is Verdict.FORWARD]
    heads = [(one.head, one.connector_id) for one in judged if one.verdict is Verdict.BLOCKED and one.head]
    brought = _run(connection, "replay_forward", [*forward, *heads])
    done = [(key, Verdict.AGAIN) for key in sorted(queued)] + [(key, Verdict.FORWARD) for key in sorted(brought)]
    verdicts = {"verdicts": [verdict.value for _, verdict in done], "asked_by": asked_by}
    connection.execute(query("replay_record"), arrays([key for key, _ in done]) | verdicts)
    refused = set(again) - queued  # their body was erased meanwhile
    return [one for one in judged if one.key not in refused] + _judge(connection, sorted(refused))


def _judge(connection: Connection, batch: Sequence[Key]) -> list[Judged]:
    rows = connection.execute(query("replay_verdicts"), arrays(batch))
    return [
        Judged(row.event_id, row.connector_id, row.connector, row.contract_id, Verdict(row.verdict), row.head)
        for row in rows
    ]


def _run(connection: Connection, name: str, keys: Sequence[Key]) -> set[Key]:
    if not keys:
        return set()
    return {(row.event_id, row.connector_id) for row in connection.execute(query(name), arrays(keys))}


def arrays(keys: Sequence[Key]) -> dict[str, object]:
    """Keys as statements take them: an array of event ids, and one of connector ids."""
    return {"event_ids": [event_id for event_id, _ in keys], "connector_ids": [owner for _, owner in keys]}


def batches(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """As many as one transaction takes."""
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
