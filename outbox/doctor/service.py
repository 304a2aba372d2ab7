"""Checks of the service: server, schema, daemons, partitions."""

from outbox.db import server_version
from outbox.doctor.ground import Finding, Ground, ago
from outbox.errors import SchemaError
from outbox.migrations import OLDEST_SERVER, check_schema, migrations
from outbox.resources import query

MISSED_HEARTBEATS = 10


def check_connection(ground: Ground) -> list[Finding]:
    """The server is there and new enough."""
    version = server_version(ground.connection)
    words = f"PostgreSQL {version // 10000}.{version % 10000} answers"
    if version < OLDEST_SERVER:
        return [ground.fault(f"{words}, expected {OLDEST_SERVER // 10000} or newer", "upgrade the server")]
    return [ground.ok(words)]


def check_schema_version(ground: Ground) -> list[Finding]:
    """Our schema is this version's."""
    try:
        check_schema(ground.connection)
    except SchemaError as error:
        words, _, mend = str(error).rpartition("; ")
        return [ground.fault(words, mend)]
    return [ground.ok(f"schema outbox is at version {migrations()[-1].number}")]


def check_workers(ground: Ground) -> list[Finding]:
    """A daemon is alive, and none vanished."""
    rows = ground.connection.execute(query("doctor_workers")).all()
    limit = MISSED_HEARTBEATS * ground.settings.relay.heartbeat_seconds
    alive = [row for row in rows if not row.stopped and row.age <= limit]
    found = [
        ground.warning(f"{row.name} has given no sign for {ago(row.age)}", f"see on host {row.host} what became of it")
        for row in rows
        if not row.stopped and row.age > limit
    ]
    if not alive:
        return [ground.fault("no daemon is alive: nothing is routed or sent", "start `outbox run`"), *found]
    return [ground.ok(", ".join(f"{row.name} seen {ago(row.age)} ago" for row in alive)), *found]


def check_partitions(ground: Ground) -> list[Finding]:
    """Facts fall into their ranges, and a further range is ready."""
    row = ground.connection.execute(query("doctor_partitions")).one()
    found = []
    if row.room < row.size:
        mend = f"SELECT outbox.make_partition({row.ends}, {row.ends + row.size})"
        found.append(ground.warning(f"room for {max(row.room, 0)} more events in the ranges made", mend))
    if row.strays:
        mend = "move its rows out, make the range with outbox.make_partition, and put them back"
        found.append(ground.warning(f"a default partition holds rows: {row.strays}", mend))
    return found or [ground.ok(f"room for {row.room} more events")]
