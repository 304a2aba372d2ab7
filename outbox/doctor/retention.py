"""Checks of how long history is kept: what settings ask for, and the owner's floor in the database."""

from outbox.doctor.ground import Finding, Ground
from outbox.resources import query


def check_retention(ground: Ground) -> list[Finding]:
    """Settings ask for no shorter retention than the owner of the schema allows."""
    days = ground.settings.upkeep.retention_days
    row = ground.connection.execute(query("doctor_retention"), {"days": days}).one_or_none()
    if row is None:
        mend = "as the owner: INSERT INTO outbox.retention DEFAULT VALUES"
        return [ground.warning("the row of outbox.retention is gone: no history is dropped", mend)]
    if row.below:
        return [
            ground.warning(
                f"upkeep.retention_days = {days} is below the owner's floor: history is kept for {row.floor}",
                "raise it; or as the owner: UPDATE outbox.retention SET keep_at_least = ...",
            )
        ]
    return [ground.ok(f"history is kept for {days} days" if days else "history is kept for ever")]
