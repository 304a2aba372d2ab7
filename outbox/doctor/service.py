"""Checks of the service: server, schema, session, clocks, connections, daemons, partitions."""

import time

from outbox import __version__
from outbox.db import server_version
from outbox.doctor.ground import Finding, Ground, ago, counted
from outbox.errors import SchemaError
from outbox.migrations import OLDEST_SERVER, check_schema, migrations
from outbox.resources import query

MISSED_HEARTBEATS = 10
NEWEST_SERVER = 18
"""The newest PostgreSQL that this version was tried on."""
OFF_SECONDS, FAR_OFF_SECONDS = 5.0, 240.0
"""Receivers refuse signatures that are more than five minutes off, and TLS goes by the host's clock."""
SHORT_STATEMENT_MILLISECONDS = 30_000
CONNECTIONS_BESIDE_THE_POOL = 5
"""Of each worker: two that settle, one that listens, and seldom more than two for periodic jobs."""


def check_connection(ground: Ground) -> list[Finding]:
    """The server is there, of a version that was tried, and takes writes."""
    version = server_version(ground.connection)
    row = ground.connection.execute(query("doctor_server")).one()
    words = f"PostgreSQL {version // 10000}.{version % 10000} answers"
    if version < OLDEST_SERVER:
        return [ground.fault(f"{words}, expected {OLDEST_SERVER // 10000} or newer", "upgrade the server")]
    if row.standby:
        return [ground.fault(f"{words}, but as a standby: nothing can be written", "name the primary in the URL")]
    if version // 10000 > NEWEST_SERVER:
        mend = "see whether a newer contract-outbox knows it"
        return [ground.warning(f"{words}; the newest that this version was tried on is {NEWEST_SERVER}", mend)]
    if row.encoding != "UTF8":
        mend = "names outside it become capture errors: move the database to UTF8"
        return [ground.warning(f"{words}; the database's encoding is {row.encoding}, not UTF8", mend)]
    return [ground.ok(words)]


def check_schema_version(ground: Ground) -> list[Finding]:
    """Our schema is this version's."""
    try:
        check_schema(ground.connection)
    except SchemaError as error:
        words, _, mend = str(error).rpartition("; ")
        return [ground.fault(words, mend)]
    return [ground.ok(f"schema outbox is at version {migrations()[-1].number}")]


def check_session(ground: Ground) -> list[Finding]:
    """A session of this role begins with settings that let the daemon work."""
    row = ground.connection.execute(query("doctor_server")).one()
    found = []
    if row.read_only:
        mend = (
            f"as its owner: ALTER DATABASE {row.database} RESET default_transaction_read_only; or so of ROLE {row.role}"
        )
        found.append(ground.fault("transactions are read only by default: nothing is routed or sent", mend))
    if 0 < row.statement_milliseconds < SHORT_STATEMENT_MILLISECONDS:
        words = f"statements end after {row.statement_milliseconds / 1000:g}s: batches may be cut off again and again"
        found.append(ground.warning(words, f"as {row.role}: ALTER ROLE {row.role} SET statement_timeout = '60s'"))
    if ground.settings.database.pgbouncer and row.idle_milliseconds == 0:
        margin = f"{ground.settings.relay.lease_margin_seconds:g}s"
        words = "behind PgBouncer nothing ends the transaction of a host that was cut off: what it locked stays locked"
        mend = f"as {row.role}: ALTER ROLE {row.role} SET idle_in_transaction_session_timeout = '{margin}'"
        found.append(ground.warning(words, mend))
    beside = ", behind PgBouncer" if ground.settings.database.pgbouncer else ""
    return found or [ground.ok(f"{row.role} has the settings that the daemon needs{beside}")]


def check_clock(ground: Ground) -> list[Finding]:
    """This host's clock and those of the daemons' hosts agree with the database's, which was not put back."""
    before = host_time()
    row = ground.connection.execute(query("doctor_clock")).one()
    ahead = (before + host_time()) / 2 - row.now
    found = [_off(ground, "this host", ahead)] if abs(ahead) > OFF_SECONDS else []
    hosts = {one.host: one.clock_ahead for one in ground.connection.execute(query("doctor_workers")) if not one.stopped}
    found += [
        _off(ground, f"host {host}", off) for host, off in hosts.items() if off is not None and abs(off) > OFF_SECONDS
    ]
    if row.behind > OFF_SECONDS:
        words = f"the database's clock was put back: a daemon was seen {ago(row.behind)} ahead of it; what is due waits"
        found.append(ground.warning(words, "let NTP set the database host's clock; all goes on when it catches up"))
    return found or [ground.ok(f"this host and the database are {abs(ahead):.1f} s apart")]


def host_time() -> float:
    """This host's clock."""
    return time.time()


def _off(ground: Ground, where: str, ahead: float) -> Finding:
    words = f"the clock of {where} is {ago(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the database's"
    mend = "let NTP set both: timestamps and signatures go by the database's, certificates and logs by the host's"
    return ground.fault(words, mend) if abs(ahead) > FAR_OFF_SECONDS else ground.warning(words, mend)


def check_connections(ground: Ground) -> list[Finding]:
    """The server has connections enough for the daemons beside everybody else."""
    if ground.settings.database.pgbouncer:
        return [ground.ok("PgBouncer keeps count of them")]
    row = ground.connection.execute(query("doctor_connections")).one()
    workers = max(row.workers, ground.settings.relay.processes, 1)
    wanted = workers * (ground.settings.database.pool_size + CONNECTIONS_BESIDE_THE_POOL)
    own = [limit for limit in (row.role_most, row.database_most) if limit is not None]
    free = min([row.most - row.others, *own])
    words = f"{counted(workers, 'worker')} may open {wanted}, {max(free, 0)} are free for them"
    if wanted > free:
        mend = "raise max_connections (or the role's, the database's), lower database.pool_size or relay.processes"
        return [ground.warning(words, mend)]
    return [ground.ok(words)]


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


def check_versions(ground: Ground) -> list[Finding]:
    """Every daemon is of this version."""
    limit = MISSED_HEARTBEATS * ground.settings.relay.heartbeat_seconds
    rows = ground.connection.execute(query("doctor_workers")).all()
    mend = f"install {__version__} there and restart `outbox run`, or ask with the version that runs"
    found = [
        ground.warning(f"{row.name} runs version {row.version}, this is {__version__}", mend)
        for row in rows
        if not row.stopped and row.age <= limit and row.version != __version__
    ]
    return found or [ground.ok(f"this is {__version__}, and no daemon is of another version")]


def check_partitions(ground: Ground) -> list[Finding]:
    """Facts fall into their ranges, and a further range is ready."""
    row = ground.connection.execute(query("doctor_partitions")).one()
    found = []
    if row.room < row.size:
        mend = f"SELECT outbox.make_partition({row.ends}, {row.ends + row.size})"
        found.append(ground.warning(f"room for {max(row.room, 0):,} more events in the ranges made", mend))
    if row.strays:
        mend = "move its rows out, make the range with outbox.make_partition, and put them back"
        found.append(ground.warning(f"a default partition holds rows: {row.strays}", mend))
    return found or [ground.ok(f"room for {row.room:,} more events")]
