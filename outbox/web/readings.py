"""What the dashboard asks the database, each question kept for all who ask it within the same business units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from outbox.access import Within
from outbox.alerting import Trouble
from outbox.db import first_line
from outbox.insight import backlog, figures
from outbox.insight.backlog import Dead, Expiring, Service, Standing, Unrouted, Waiting
from outbox.insight.figures import Latencies, Uncounted, Volume
from outbox.insight.grid import Key, Tally
from outbox.log import get_log
from outbox.stretches import Length, Marks
from outbox.troubles import OF_THE_WHOLE, look
from outbox.web.site import Site

Answer = TypeVar("Answer")

NOW_SECONDS, NOW_SHARE = 4.0, 10.0
WAITING_SHARE = 20.0
WAITING_PATIENCE = 1.0
"""Where very much waits, pages come without it at first, and it is told as soon as it is counted."""

COUNTED_SECONDS = 600.0
"""What is counted stays as it is: with the next mark it is another question."""

EXPIRING_SECONDS, EXPIRING_SHARE = 60.0, 50.0
TROUBLES_SECONDS = 60.0
"""As often as workers look for drift, which takes the most of it."""


@dataclass(frozen=True, slots=True)
class Now:
    """How it stands: all but what must be counted."""

    connectors: tuple[Standing, ...]
    unrouted: Unrouted
    service: Service | None
    uncounted: Uncounted

    @property
    def marks(self) -> Marks:
        """When it was read, and until when figures are counted."""
        return self.uncounted.marks


def now(site: Site, within: Within) -> Now:
    """How it stands now."""
    heartbeat = site.settings.relay.heartbeat_seconds

    def read(connection: Connection) -> Now:
        return Now(
            backlog.read_connectors(connection, within=within),
            backlog.read_unrouted(connection, within=within),
            backlog.read_service(connection, heartbeat_seconds=heartbeat, within=within),
            figures.read_uncounted(connection, within=within),
        )

    return site.keeping.ask(("now", within), read, seconds=NOW_SECONDS, share=NOW_SHARE)


def waiting(site: Site, within: Within) -> tuple[Waiting, ...] | None:
    """What waits; None where counting it takes too long."""
    late = timedelta(seconds=site.settings.alerts.lag_seconds)

    def read(connection: Connection) -> tuple[Waiting, ...]:
        return backlog.read_waiting(connection, late=late, within=within)

    return _told(
        lambda: site.keeping.ask(
            ("waiting", within), read, seconds=NOW_SECONDS, share=WAITING_SHARE, patience=WAITING_PATIENCE
        )
    )


def dead(site: Site, within: Within) -> Dead | None:
    """What went dead within a day; None where finding it takes too long."""

    def read(connection: Connection) -> Dead:
        return backlog.read_dead(connection, within=within)

    return _told(
        lambda: site.keeping.ask(
            ("dead", within), read, seconds=NOW_SECONDS, share=WAITING_SHARE, patience=WAITING_PATIENCE
        )
    )


def troubles(site: Site, within: Within) -> tuple[Trouble, ...]:
    """What alerts tell and nothing else here does: troubles of the whole, none for somebody who is limited."""
    if within is not None:
        return ()

    def read(connection: Connection) -> tuple[Trouble, ...]:
        return look(connection, site.settings, rules=OF_THE_WHOLE).troubles

    return _told(lambda: site.keeping.ask(("troubles",), read, seconds=TROUBLES_SECONDS, share=EXPIRING_SHARE)) or ()


def expiring(site: Site, within: Within) -> Expiring | None:
    """What expires next; None where no deadline is known, or the mapping's own SQL fails."""

    def read(connection: Connection) -> Expiring | None:
        return backlog.read_expiring(connection, within=within)

    return _told(lambda: site.keeping.ask(("expiring", within), read, seconds=EXPIRING_SECONDS, share=EXPIRING_SHARE))


def outcomes(site: Site, within: Within, marks: Marks, *, since: datetime, column: Length) -> Mapping[Key, Tally]:
    """What became of deliveries, as far as it is counted."""

    def read(connection: Connection) -> Mapping[Key, Tally]:
        return figures.read_outcomes(connection, marks=marks, since=since, column=column, within=within)

    return site.keeping.ask(("outcomes", column, since, *_of(marks), within), read, seconds=COUNTED_SECONDS)


def volumes(site: Site, within: Within, marks: Marks, *, since: datetime, longest: Length) -> tuple[Volume, ...]:
    """What attempts came to, as far as it is counted."""

    def read(connection: Connection) -> tuple[Volume, ...]:
        return figures.read_volumes(connection, marks=marks, since=since, longest=longest, within=within)

    return site.keeping.ask(("volumes", longest, since, *_of(marks), within), read, seconds=COUNTED_SECONDS)


def latencies(
    site: Site, within: Within, marks: Marks, *, since: datetime, step: timedelta, longest: Length
) -> Latencies:
    """How long deliveries and answers took, as far as it is counted."""

    def read(connection: Connection) -> Latencies:
        return figures.read_latencies(connection, marks=marks, since=since, step=step, longest=longest, within=within)

    return site.keeping.ask(("latencies", longest, since, step, *_of(marks), within), read, seconds=COUNTED_SECONDS)


def _of(marks: Marks) -> tuple[datetime, datetime, datetime]:
    return marks.slots, marks.hours, marks.days


def _told(ask: Callable[[], Answer | None]) -> Answer | None:
    try:
        return ask()
    except (DBAPIError, TimeoutError) as error:
        get_log().warning("dashboard_not_read", error=first_line(error) or "no answer in time")
        return None
