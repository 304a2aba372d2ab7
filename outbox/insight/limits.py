"""How a limit to business units goes into a statement, and what it leaves of how far a look went."""

from datetime import datetime

from outbox.access import Within


def bound(within: Within) -> list[str] | None:
    """As a value for `CAST(:within AS text[])`: psycopg writes a tuple as a row, a list as an array."""
    return None if within is None else list(within)


def reached(moment: datetime | None, *, within: Within) -> datetime | None:
    """How far back a look went. Who is limited is told the hour: the moment may be that of somebody else's event."""
    if moment is None or within is None:
        return moment
    return moment.replace(minute=0, second=0, microsecond=0)
