"""Claims and settles as the relay does them, in a transaction each, and looks at what they left."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from outbox import store
from outbox.model import Attempt, Leased, Outcome, Response, Settled
from tests.conftest import Database
from tests.factories import Connection

OK = Response(Outcome.OK, 1.0, status=200, body=b"thanks")
REFUSED = Response(Outcome.HTTP_ERROR, 1.0, status=500, error_code="status_500", error="HTTP 500")


def claim(
    database: Database,
    *connector_ids: int,
    token: int = 1,
    name: str = "w1",
    lease: float = 30.0,
    most: int = 100,
    **want: object,
) -> list[Leased]:
    """What one claim of up to `take` each and `most` in all brings."""
    wants = [
        store.Want(one, int(str(want.get("take", 100))), lease, want.get("low"))  # type: ignore[arg-type]
        for one in connector_ids
    ]
    with database.engine.begin() as connection:
        return store.claim(connection, wants, most=most, token=token, worker=name).leased


def attempt(
    leased: Leased, response: Response = OK, *, settled: Settled | None = Settled.DELIVERED, **other: object
) -> Attempt:
    """An attempt as the relay writes it; the start differs with the number."""
    started_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=leased.attempt)
    made = Attempt(leased, 1, started_at, response, "https://crm.example/hook", {"webhook-id": "x"}, settled)
    return replace(made, **other)  # type: ignore[arg-type]


def settle(database: Database, *attempts: Attempt, name: str = "w1") -> int:
    """Settles in a transaction of its own; how many came late."""
    with database.engine.begin() as connection:
        return len(store.settle(connection, attempts, worker=name).late)


def attempts_of(sql: Connection, event_id: int) -> list[tuple[object, ...]]:
    """Number, outcome, worker and what it settled, in order."""
    return sql.execute(
        "SELECT number, outcome, worker, settled FROM outbox.attempt WHERE event_id = %s ORDER BY number, late",
        [event_id],
    ).fetchall()


def queue(sql: Connection, columns: str = "event_id, ready, attempts, lease_token") -> list[tuple[object, ...]]:
    """The queue by event."""
    return sql.execute(b"SELECT %s FROM outbox.queue ORDER BY event_id" % columns.encode()).fetchall()
