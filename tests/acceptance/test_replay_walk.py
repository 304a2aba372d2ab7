"""A replay from the command to the receiver: the stored bytes once more, numbered on, recorded as a replay."""

import json
from pathlib import Path

from tests.conftest import Database
from tests.factories import connect, insert_attempt, insert_connector, insert_delivery, insert_event
from tests.program import program
from tests.receiver import receiver


def test_a_replay_sends_the_stored_bytes_once_more(database: Database, tmp_path: Path) -> None:
    """Two clicks are one further attempt of kind replay, with the same id and bytes; delivered stays delivered."""
    outbox = program(tmp_path, database.url)
    with receiver() as crm, connect(database) as db:
        owner = insert_connector(db, "crm", url=f"{crm.url}/crm")
        event = insert_event(db)
        insert_delivery(db, event, owner, body=b'{"exact":1.50}')
        insert_attempt(db, event, owner, started_at="2026-01-01 00:00:00Z")
        for _ in range(2):
            outbox("replay", str(event), "crm", "--yes")

        outbox("run", "--once")

        attempts = db.execute(
            "SELECT number, kind, outcome, settled FROM outbox_audit.attempts ORDER BY number"
        ).fetchall()
        (delivery,) = json.loads(outbox("deliveries"))
    assert [got.body for got in crm.received] == [b'{"exact":1.50}']
    assert crm.received[0].headers["outbox-attempt"] == "2"
    assert attempts == [(1, "auto", "ok", "delivered"), (2, "replay", "ok", "delivered")]
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 2)
    assert delivery["finished_at"].startswith("2026-01-01T00:00:00")
