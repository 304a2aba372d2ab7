"""Checks of storage: what holds vacuum back, what bloats, what grows."""

from typing import Any

from sqlalchemy import Row

from outbox.doctor.ground import Finding, Ground, ago, counted, sized
from outbox.resources import query

HELD_SECONDS = 600.0
"""A transaction older than this keeps dead rows of the queue from being removed."""
HELD_TOO_LONG_SECONDS = 86_400.0
STANDBY_TRANSACTIONS = 1_000_000
DEAD_ROWS = 1_000_000
"""At full speed a table of work leaves a quarter of a million dead rows between two visits of autovacuum."""
BLOATED_BYTES = 512 * 1024 * 1024
BLOATED_ROW_BYTES = 20_000
GREW_BYTES = 1024**3
GREW_TIMES = 3


def check_indexes(ground: Ground) -> list[Finding]:
    """No index of ours is broken."""
    rows = ground.connection.execute(query("doctor_indexes")).all()
    mend = "REINDEX INDEX CONCURRENTLY {}"
    found = [ground.fault(f"index {row.name} of {row.table_name} is not valid", mend.format(row.name)) for row in rows]
    return found or [ground.ok("every index is valid")]


def check_snapshots(ground: Ground) -> list[Finding]:
    """Nothing old keeps dead rows from being removed: session, prepared transaction, slot, standby."""
    limits = {"held_seconds": HELD_SECONDS, "standby_transactions": STANDBY_TRANSACTIONS}
    found = [_holder(ground, row) for row in ground.connection.execute(query("doctor_snapshots"), limits)]
    who = ground.connection.execute(query("doctor_role")).one()
    words = "nothing old holds vacuum back"
    if not who.sees_all_sessions:
        words += f", as far as {who.role} sees: others' sessions only after GRANT pg_read_all_stats TO {who.role}"
    return found or [ground.ok(words)]


def _holder(ground: Ground, row: Row[Any]) -> Finding:
    if row.kind == "session":
        words = f"session {row.name} of {row.owner} ({row.detail}) has had a transaction open for {ago(row.age)}"
        mend = f"end it where it belongs, or SELECT pg_terminate_backend({row.name})"
    elif row.kind == "prepared":
        words = f"the transaction that {row.owner} prepared as {row.name} has waited for {ago(row.age)}"
        mend = f"COMMIT PREPARED '{row.name}' or ROLLBACK PREPARED '{row.name}'"
    elif row.kind == "slot":
        words = f"nobody reads replication slot {row.name}; it keeps {row.detail}"
        mend = f"start its reader, or SELECT pg_drop_replication_slot('{row.name}')"
    else:
        words = f"standby {row.name} reports a query that began {row.detail} transactions ago (hot_standby_feedback)"
        mend = "end that query on the standby"
    words += ": dead rows are not removed meanwhile"
    return ground.fault(words, mend) if row.age > HELD_TOO_LONG_SECONDS else ground.warning(words, mend)


def check_vacuum(ground: Ground) -> list[Finding]:
    """Autovacuum is on, and keeps up with the tables of work."""
    rows = ground.connection.execute(query("doctor_vacuum")).all()
    found = []
    if not rows[0].autovacuum:
        words = "autovacuum is off for the whole server: tables of work grow without end"
        found.append(ground.fault(words, "set autovacuum and track_counts to on in postgresql.conf, reload"))
    found += [
        ground.warning(
            f"autovacuum is switched off for {row.name}",
            f"as its owner: ALTER TABLE {row.name} RESET (autovacuum_enabled)",
        )
        for row in rows
        if row.switched_off
    ]
    found += [
        ground.warning(
            f"{row.name} holds {row.dead} dead rows beside {row.live}; last vacuumed"
            f" {ago(row.vacuumed) + ' ago' if row.vacuumed is not None else 'never'}",
            f"see under snapshots what holds it back; then VACUUM {row.name}",
        )
        for row in rows
        if row.hot and row.dead > DEAD_ROWS and row.dead > 2 * row.live
    ]
    found += [
        ground.warning(
            f"{row.name} takes {sized(row.bytes)} for {counted(row.live, 'row')}: it is bloated",
            f"in a quiet hour VACUUM FULL {row.name}; it locks the table, and commits of the application wait",
        )
        for row in rows
        if row.hot and row.bytes > BLOATED_BYTES and row.bytes > BLOATED_ROW_BYTES * row.live
    ]
    hot = ", ".join(f"{row.name.removeprefix('outbox.')} {sized(row.bytes)}" for row in rows if row.hot)
    return found or [ground.ok(f"autovacuum keeps up: {hot}")]


def check_growth(ground: Ground) -> list[Finding]:
    """For information: what the outbox takes, and how it grows; a warning where that jumps."""
    row = ground.connection.execute(query("doctor_growth")).one()
    words = f"takes {sized(row.bytes)}"
    if row.database_bytes:
        words += f", the whole database {sized(row.database_bytes)}"
    if row.a_day is None:
        return [ground.ok(f"{words}; growth is known once a daemon has run for a day")]
    words += f"; {_grew(row.a_day)} in the last day"
    if row.a_day_before is None:
        return [ground.ok(words)]
    words += f", by {sized(row.a_day_before)} a day in the week before"
    if row.a_day > GREW_BYTES and row.a_day > GREW_TIMES * row.a_day_before:
        mend = "see what it was: `outbox events --since 24h`; free space can't be seen from here: look at the volume"
        return [ground.warning(words, mend)]
    return [ground.ok(words)]


def _grew(count: float) -> str:
    return f"{'shrank' if count < 0 else 'grew'} by {sized(abs(count))}"
