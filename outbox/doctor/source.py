"""Checks of capture: the mapping, what it missed, what it left out."""

from outbox.doctor.ground import Finding, Ground, Level, counted
from outbox.drift import drift
from outbox.resources import query


def check_source(ground: Ground) -> list[Finding]:
    """A mapping is installed."""
    row = ground.connection.execute(query("doctor_source")).one_or_none()
    if row is None:
        return [ground.fault("no source is installed: nothing is captured", "write source.toml, then `outbox install`")]
    since = f"since {row.installed_at:%Y-%m-%d %H:%M} UTC by {row.installed_by}"
    return [ground.ok(f"installed {since}, {counted(row.rules, 'capture rule')}")]


def check_capture(ground: Ground) -> list[Finding]:
    """Capture triggers, tables and the mapping's SQL are as they were installed."""
    if ground.connection.execute(query("doctor_source")).one_or_none() is None:
        return []
    found = [Finding(Level(one.level), ground.name, one.words, one.mend) for one in drift(ground.connection)]
    return found or [ground.ok("capture triggers stand as installed, and the mapping fits the source")]


def check_capture_errors(ground: Ground) -> list[Finding]:
    """Nothing waits for being captured after all."""
    rows = ground.connection.execute(query("doctor_capture_errors")).all()
    mend = "mend the mapping, `outbox install`, then `outbox recapture`"
    found = [
        ground.fault(f"{counted(row.waiting, 'change')} not captured by rule {row.rule!r}, latest: {row.message}", mend)
        for row in rows
    ]
    return found or [ground.ok("every change was captured")]


def check_filtered(ground: Ground) -> list[Finding]:
    """For information: what the contract query excludes."""
    count = ground.connection.execute(query("doctor_filtered")).scalar_one()
    return [ground.ok(f"{counted(count, 'change')} raised nothing, since the contract query excludes the contract")]
