"""What a sweep puts right: lanes without a head or in a former order, deliveries of connectors that are removed."""

from sqlalchemy import Connection, Engine

from outbox import store, worker
from outbox.connector_edits import Author, cancel_waiting, emptying
from outbox.log import get_log
from outbox.resources import query

LANES = 500
"""Lanes in one transaction: it stays well under the two seconds that claims allow for."""
CANCELLED = 2_000
"""Deliveries of one connector that are cancelled in one transaction."""


def mend(engine: Engine, *, by: str, seconds: float) -> None:
    """Runs the sweep, unless another worker did in this slot; each step is a transaction of its own.

    Two that lock lanes twice in one transaction may wait for each other. What is to be cancelled goes first: its lanes
    may have lost their heads, and nothing is wrong with that.
    """
    with engine.begin() as connection:
        if not worker.tick(connection, "mend lanes", seconds=seconds):
            return
    if cancelled := _cancel_orphans(engine, by=by):
        get_log().warning("orphans_cancelled", deliveries=cancelled)
    with engine.begin() as connection:
        if mended := mend_lanes(connection):
            get_log().error("lanes_were_stuck", lanes=mended)
    if arranged := arrange_lanes(engine):
        get_log().info("lanes_arranged", deliveries=arranged)


def _cancel_orphans(engine: Engine, *, by: str) -> int:
    """In batches: one transaction for a million would hold all lanes, and everybody's settles, for half a minute.

    Each of one connector, since it locks lanes; what was enabled since it was seen is left alone.
    """
    with engine.begin() as connection:
        left = emptying(connection)
    cancelled = 0
    for connector_id, words in left.items():
        batch = CANCELLED
        while batch >= CANCELLED:
            with engine.begin() as connection:
                worker.be_patient(connection)
                batch = cancel_waiting(
                    connection, connector_id, words=words, author=Author(by, "relay"), most=CANCELLED
                )
            cancelled += batch
    return cancelled


def mend_lanes(connection: Connection) -> int:
    """Promotes every lane that has open rows and none ready; returns how many there were: a fault, if any."""
    worker.be_patient(connection)
    lanes = [(row.connector_id, row.contract_id) for row in connection.execute(query("stuck_lanes"))]
    if lanes:
        store.lane_locks(connection, (lane[1] for lane in lanes))
        store.promote(connection, lanes)
    return len(lanes)


def arrange_lanes(engine: Engine, *, most: int = LANES) -> int:
    """Makes ready what is so by the present order of its connector, and nothing else; returns how many rows changed.

    Not in the edit's own transaction: it would hold all lanes of a long queue, and everybody's settles, at once.
    """
    changed = 0
    while True:
        with engine.begin() as connection:
            worker.be_patient(connection)
            lanes = connection.execute(query("former_lanes"), {"most": most}).all()
            store.lane_locks(connection, (lane.contract_id for lane in lanes))
            arranged = connection.execute(
                query("arrange_lanes"),
                {
                    "connector_ids": [lane.connector_id for lane in lanes],
                    "contract_ids": [lane.contract_id for lane in lanes],
                },
            ).rowcount
        changed += arranged
        if len(lanes) < most or not arranged:
            return changed
