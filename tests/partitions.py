"""Partitions of the facts, as tests look at them, and facts that fill them."""

from outbox.settings import Upkeep
from tests.factories import Connection, insert_attempt, insert_decision, insert_delivery, insert_event

SIZE = 5_000_000
FACTS = ("event", "decision", "delivery", "attempt", "replay")
KEEP = Upkeep(retention_days=400, partitions_ahead=2)


def ranges(sql: Connection, fact: str = "event") -> list[int]:
    """Where the ranges of a fact begin."""
    return [int(str(row[0])) for row in sql.execute("SELECT range_start FROM outbox.ranges(%s) ORDER BY 1", [fact])]


def count(sql: Connection, table: str) -> int:
    """Its rows."""
    counted = sql.execute(f"SELECT count(*) FROM outbox.{table}".encode())  # noqa: S608 (a name of ours)
    return int(str(counted.fetchall()[0][0]))


def go_to(sql: Connection, event_id: int) -> None:
    """The next event gets the id after this one."""
    sql.execute("SELECT setval('outbox.event_id', %s)", [event_id])


def finished(sql: Connection, connector: int, *, age: str = "500 days", body: bytes | None = b"{}") -> int:
    """An event with all its facts, as old as said; its id."""
    then = sql.execute("SELECT now() - CAST(%s AS interval)", [age]).fetchall()[0][0]
    event = insert_event(sql, occurred_at=then)
    insert_decision(sql, event, "deliver", connector_id=connector)
    insert_delivery(sql, event, connector, created_at=then, body=body)
    insert_attempt(sql, event, connector, started_at=then)
    sql.execute(
        "INSERT INTO outbox.replay (event_id, connector_id, verdict, asked_by) VALUES (%s, %s, 'again', 'me')",
        [event, connector],
    )
    return event
