"""The doctor: what is wrong with this installation, and the mend for each. Every check is one small function.

To add a check: a function from Ground to findings, under its name in the section of CHECKS where people look for it.
It reads only, finds something also when all is well, and nothing only where another check says why it can't look. What
it counts it counts by an index, up to a bound, or takes from statistics: it has five seconds.
"""

from collections.abc import Mapping

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from outbox.catalog import SqlFaultError
from outbox.db import REACH_MEND, first_line, has_to_wait
from outbox.doctor import alerts, delivery, expiry, files, retention, rights, service, source, storage
from outbox.doctor.ground import Check, Finding, Ground, Level
from outbox.errors import OutboxError
from outbox.resources import query
from outbox.settings import Settings

__all__ = ["CHECKS", "SECTIONS", "Finding", "Level", "examine", "look"]

_BASE = frozenset({"connection", "schema"})
SECTIONS: Mapping[str, Mapping[str, Check]] = {
    "Database": {
        "connection": service.check_connection,
        "rights": rights.check_rights,
        "schema": service.check_schema_version,
        "session": service.check_session,
        "clock": service.check_clock,
        "connections": service.check_connections,
    },
    "Capture": {
        "source": source.check_source,
        "capture": source.check_capture,
        "capture rights": rights.check_capture_rights,
        "replication": source.check_replication,
        "lookups": source.check_lookups,
        "contracts": source.check_contracts,
        "expiry": expiry.check_expiry,
        "capture errors": source.check_capture_errors,
        "filtered": source.check_filtered,
    },
    "Delivery": {
        "routing": delivery.check_unrouted,
        "overdue": delivery.check_overdue,
        "leases": delivery.check_leases,
        "lanes": delivery.check_lanes,
        "orphans": delivery.check_orphans,
        "dead letters": delivery.check_dead,
        "connectors": delivery.check_connectors,
        "business units": source.check_business_units,
        "secrets": delivery.check_secrets,
    },
    "Daemons": {
        "workers": service.check_workers,
        "versions": service.check_versions,
        "files": files.check_files,
        "alerts": alerts.check_alerts,
    },
    "Storage": {
        "partitions": service.check_partitions,
        "retention": retention.check_retention,
        "indexes": storage.check_indexes,
        "snapshots": storage.check_snapshots,
        "vacuum": storage.check_vacuum,
        "growth": storage.check_growth,
    },
}
"""The checks in the order in which they are made and shown."""
CHECKS: Mapping[str, Check] = {name: check for checks in SECTIONS.values() for name, check in checks.items()}


def examine(engine: Engine, settings: Settings) -> list[Finding]:
    """Every finding, in the order of CHECKS; without a connection or our schema the checks end there."""
    try:
        connection = engine.connect()
    except DBAPIError as error:
        words = f"expected an answer from the database, got: {first_line(error)}"
        return [Finding(Level.FAULT, "connection", words, REACH_MEND)]
    with connection:
        return look(connection, settings)


def look(connection: Connection, settings: Settings) -> list[Finding]:
    """The same on a connection, within its transaction: nothing of it stays, no lock either."""
    whole = connection.begin_nested()
    try:
        connection.execute(query("doctor_limits"))
        findings: list[Finding] = []
        for name, check in CHECKS.items():
            found = _run(check, Ground(name, connection, settings))
            findings += found
            if connection.invalidated or (name in _BASE and any(one.level is Level.FAULT for one in found)):
                break
        return findings
    finally:
        whole.rollback()


def _run(check: Check, ground: Ground) -> list[Finding]:
    """What a check finds, under a savepoint that is always undone: the application's tables are free at once."""
    savepoint = ground.connection.begin_nested()
    try:
        return check(ground)
    except DBAPIError as error:
        words = f"could not be checked: {first_line(error)}"
        if has_to_wait(error):
            return [ground.warning(words, "the database is busy, or somebody holds a lock: ask again")]
        return [ground.fault(words, "mend what the database says, ask again")]
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        words = f"could not be checked: {first_line(error)}"
        return [ground.warning(words, "look again once the lock is gone")]
    except (OutboxError, SqlFaultError) as error:
        return [ground.fault(f"could not be checked: {error}", "mend what it says, ask again")]
    finally:
        savepoint.rollback()
