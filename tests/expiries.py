"""An application whose contracts expire, the scan over them, and what it raised."""

from datetime import datetime, timedelta
from typing import Any

from outbox import audit
from outbox.deadlines import Window
from outbox.expiry import Scanned, Scanner
from outbox.settings import Expiry
from tests.conftest import Database
from tests.sources import Source

OPEN = {"open": "status IN ('draft', 'sent')"}
SEND = [{"trigger": "send", "table": "email", "on": "insert", "contract": "new.contract_id"}]
INBOX = "SELECT count(*) FROM outbox.inbox"


def expiring(database: Database, expired: dict[str, Any] | None = None, **mapping: Any) -> Source:
    """The application of tests.sources, with [expired] installed; contracts are made before `since` if not said."""
    source = Source(database)
    source.install(expired=expired or OPEN, **mapping)
    return source


def contract(source: Source, number: int, deadline: str, **columns: str) -> None:
    """A contract whose expires_at is this SQL; further columns are SQL too."""
    named = {"id": str(number), "expires_at": deadline, **columns}
    source.run(f"INSERT INTO contract ({', '.join(named)}) VALUES ({', '.join(named.values())})")  # noqa: S608 (ours)


def since(source: Source, moment: str = "now() - interval '1 year'") -> None:
    """As if it had been installed then."""
    source.run(f"UPDATE outbox.expiry_scan SET since = {moment}, swept_at = NULL, due_at = now()")  # noqa: S608 (ours)


def scanner(source: Source, *, by: str = "w1", **settings: Any) -> Scanner:
    """A worker's."""
    return Scanner(source.database.engine, Expiry(**settings), by=by)


def scan(source: Source, *, sweep: bool = False, **settings: Any) -> Scanned:
    """A scan now, whether it is due or not."""
    return scanner(source, **settings).scan(asked=True, sweep=sweep)


def raised(source: Source) -> list[tuple[str, datetime]]:
    """Contract and deadline of each `expired`, in the order in which they were raised."""
    return [
        (str(row[0]), row[1])
        for row in source.rows(
            "SELECT contract_id, occurred_at FROM outbox.event WHERE trigger = 'expired' ORDER BY id"
        )
    ]


def contracts(source: Source) -> list[str]:
    """Which contracts raised `expired`, in that order."""
    return [one for one, _ in raised(source)]


def window(source: Source) -> Window:
    """The last day."""
    with source.database.engine.connect() as connection:
        now = audit.clock(connection)
    return Window(now - timedelta(days=1), now)


def many(source: Source, count: int) -> None:
    """So many contracts that expired an hour ago, of which capture heard nothing."""
    source.run(
        "SET session_replication_role = replica",
        f"INSERT INTO contract (id, expires_at) SELECT n, now() - interval '1 hour' FROM generate_series(1, {count}) n",  # noqa: S608 (ours)
    )
