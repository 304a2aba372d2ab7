"""Checks of routing and delivering: what waits, what went dead, and for whom."""

from outbox.connectors import load_connectors
from outbox.doctor.ground import LATE_SECONDS, Finding, Ground, ago, counted
from outbox.resources import query
from outbox.secret_box import SecretBox


def check_unrouted(ground: Ground) -> list[Finding]:
    """Notes don't wait for routing."""
    row = ground.connection.execute(query("doctor_unrouted")).one()
    verb = "waits" if row.waiting == 1 else "wait"
    words = f"{counted(row.waiting, 'event')} {verb} for routing" + (
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
        words = f"to {row.connector} {_deliveries(row.waiting)} overdue{leases}, the oldest by {ago(row.age)}"
        found.append(ground.late(row.age, words, mend))
    return found or [ground.ok("no delivery is overdue")]


def check_lanes(ground: Ground) -> list[Finding]:
    """Every lane with open rows has a head that can be claimed."""
    count = len(ground.connection.execute(query("stuck_lanes")).all())
    if count == 0:
        return [ground.ok("every lane has its head")]
    return [ground.warning(f"{count} lanes have none", "`outbox run` mends them within a minute; if not, report it")]


def check_orphans(ground: Ground) -> list[Finding]:
    """Nothing waits for a connector that is removed."""
    rows = ground.connection.execute(query("doctor_orphans")).all()
    mend = "nothing sends them; add a connector, then `outbox connectors backfill`"
    found = [ground.warning(f"for {row.connector}, removed, {_deliveries(row.waiting)} waiting", mend) for row in rows]
    return found or [ground.ok("nothing waits for a removed connector")]


def check_dead(ground: Ground) -> list[Finding]:
    """No delivery went dead within a day."""
    rows = ground.connection.execute(query("doctor_dead")).all()
    found = [
        ground.warning(
            f"to {row.connector} {_deliveries(row.dead)} dead since less than a day",
            f"see why with `outbox deliveries --connector {row.connector!r} --state dead`, then `outbox replay`",
        )
        for row in rows
    ]
    return found or [ground.ok("no delivery went dead within a day")]


def check_connectors(ground: Ground) -> list[Finding]:
    """Connectors stand, and none is held or disabled."""
    rows = ground.connection.execute(query("doctor_connectors")).all()
    if not rows:
        return [ground.warning("there is no connector: nothing is sent", "`outbox connectors add`")]
    found = [
        ground.warning(
            f"{row.connector} is {row.state} for {ago(row.age)}: {row.state_reason};"
            f" {_deliveries(row.waiting)} waiting",
            "mend what it says, then `outbox connectors enable`"
            if row.state == "disabled"
            else "mend what it says; it is probed, and all goes out when it answers",
        )
        for row in rows
        if row.state != "enabled"
    ]
    return found or [ground.ok(f"{counted(len(rows), 'connector')}, all enabled")]


def check_secrets(ground: Ground) -> list[Finding]:
    """The keys at hand open every connector's secret."""
    written = {row.connector_id: row.state for row in ground.connection.execute(query("doctor_connectors"))}
    connectors = load_connectors(ground.connection, SecretBox(ground.settings.secret_keys))
    found = [
        ground.fault(f"{one.name}: {one.held_reason}", "give the key that sealed it in OUTBOX_SECRET_KEYS")
        for one in connectors
        if one.held_reason is not None and written.get(one.id) == "enabled"
    ]
    return found or [ground.ok("every secret can be opened")]


def _deliveries(count: int) -> str:
    return counted(count, "delivery", "deliveries")
