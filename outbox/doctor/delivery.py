"""Checks of routing and delivering: what waits, what went dead, and for whom."""

import shlex

from outbox.connectors import UNOPENED, load_connectors
from outbox.doctor.ground import LATE_SECONDS, MOST, Finding, Ground, ago, at_least, counted
from outbox.resources import query
from outbox.secret_box import SecretBox

LONGEST_RECKONING_SECONDS = 60.0
"""What a lease may have beyond timeout and margin: the time for which a worker keeps ready."""


def check_unrouted(ground: Ground) -> list[Finding]:
    """Notes don't wait for routing."""
    row = ground.connection.execute(query("doctor_unrouted"), {"most": MOST}).one()
    verb = "waits" if row.waiting == 1 else "wait"
    words = f"{at_least(row.waiting, 'event')} {verb} for routing" + (
        f", the oldest for {ago(row.age)}" if row.waiting else ""
    )
    if row.age <= LATE_SECONDS:
        return [ground.ok(words)]
    return [ground.late(row.age, words, "start `outbox run`, or read in its log why it does not route")]


def check_overdue(ground: Ground) -> list[Finding]:
    """What is due is being sent."""
    rows = ground.connection.execute(query("doctor_overdue"), {"late_seconds": LATE_SECONDS}).all()
    mend = "start `outbox run`, or give the connector more room (max_in_flight, rate_per_second)"
    found = []
    for row in rows:
        leases = f", {row.leases} with a lease that ran out" if row.leases else ""
        verb = "is" if row.waiting == 1 else "are"
        late = counted(row.waiting, "delivery", "deliveries")
        words = f"{late} to {row.connector} {verb} overdue{leases}, the oldest by {ago(row.age)}"
        found.append(ground.late(row.age, words, mend))
    return found or [ground.ok("no delivery is overdue")]


def check_leases(ground: Ground) -> list[Finding]:
    """No lease ends later than the longest send could take."""
    longest = ground.settings.relay.lease_margin_seconds + LONGEST_RECKONING_SECONDS
    rows = ground.connection.execute(query("doctor_leases"), {"longest_seconds": longest}).all()
    found = [
        ground.warning(
            f"{counted(row.leases, 'lease')} of {row.connector} {'ends' if row.leases == 1 else 'end'} only in"
            f" {ago(row.ahead)}, longer than a send may take: was the database's clock put back?",
            "nothing is lost, they are sent then; to send them now, stop every daemon, then UPDATE outbox.queue SET"
            " due_at = now() WHERE lease_token IS NOT NULL",
        )
        for row in rows
    ]
    return found or [ground.ok("no lease is longer than a send may take")]


def check_lanes(ground: Ground) -> list[Finding]:
    """Every lane with open rows has a head that can be claimed."""
    count = len(ground.connection.execute(query("stuck_lanes")).all())
    if count == 0:
        return [ground.ok("every lane has its head")]
    words = f"{counted(count, 'lane')} {'has' if count == 1 else 'have'} no head"
    return [ground.warning(words, "`outbox run` mends them within a minute; if not, report it")]


def check_orphans(ground: Ground) -> list[Finding]:
    """Nothing waits for a connector that is removed."""
    rows = ground.connection.execute(query("doctor_orphans")).all()
    mend = "nothing sends them; add a connector, then `outbox connectors backfill`"
    found = [ground.warning(f"{_waiting(row.waiting)} for {row.connector}, which is removed", mend) for row in rows]
    return found or [ground.ok("nothing waits for a removed connector")]


def check_dead(ground: Ground) -> list[Finding]:
    """No delivery went dead within a day."""
    rows = ground.connection.execute(query("doctor_dead")).all()
    found = [
        ground.warning(
            f"{counted(row.dead, 'delivery', 'deliveries')} to {row.connector} went dead within the last day",
            f"see why: `outbox deliveries --connector {shlex.quote(row.connector)} --state dead`;"
            f" then `outbox replay --connector {shlex.quote(row.connector)} --state dead --since 24h`",
        )
        for row in rows
    ]
    return found or [ground.ok("no delivery went dead within a day")]


def check_connectors(ground: Ground) -> list[Finding]:
    """Connectors stand, and none is held or was disabled by its receiver; what a person disabled is only told."""
    rows = ground.connection.execute(query("doctor_connectors"), {"most": MOST}).all()
    if not rows:
        mend = "write connectors.toml and `outbox connectors apply`, or `outbox connectors add`"
        return [ground.warning("there is no connector: nothing is sent", mend)]
    found = []
    for row in rows:
        if row.state == "enabled":
            continue
        words = f"{row.connector} has been {row.state} for {ago(row.age)}: {row.state_reason}; {_waiting(row.waiting)}"
        enable = f"`outbox connectors enable {shlex.quote(row.connector)}`"
        if row.state == "disabled" and not row.by_relay:
            found.append(ground.ok(words))
        elif row.state == "disabled":
            found.append(ground.warning(words, f"mend what it says, then {enable}"))
        else:
            found.append(ground.warning(words, "mend what it says; it is probed, and all goes out when it answers"))
    return found or [ground.ok(f"{counted(len(rows), 'connector')}, all enabled")]


def check_secrets(ground: Ground) -> list[Finding]:
    """The keys at hand, and those of every daemon that is alive, open every connector's secret."""
    connectors = load_connectors(ground.connection, SecretBox(ground.settings.secret_keys))
    found = [
        ground.fault(f"{one.name}: {one.held_reason}", "give the key that sealed it in OUTBOX_SECRET_KEYS")
        for one in connectors
        if one.enabled and one.held_reason == UNOPENED
    ]
    found += [
        ground.fault(
            f"{row.connector}: its secret can't be opened with the keys of {row.worker}",
            "start that daemon with the key that sealed it in OUTBOX_SECRET_KEYS",
        )
        for row in ground.connection.execute(query("doctor_unopened"))
    ]
    return found or [ground.ok("every secret can be opened")]


def _waiting(count: int) -> str:
    return f"{_deliveries(count)} {'waits' if count == 1 else 'wait'}" if count else "no delivery waits"


def _deliveries(count: int) -> str:
    return at_least(count, "delivery", "deliveries")
