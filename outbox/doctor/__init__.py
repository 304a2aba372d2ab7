"""The doctor: what is wrong with this installation, and the mend for each. Every check is one small function.

To add a check: a function from Ground to findings, under its name in CHECKS. It finds something also when all is
well; nothing only where another check says why it can't look.
"""

from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox.doctor import delivery, expiry, service, source
from outbox.doctor.ground import Check, Finding, Ground, Level, first_line
from outbox.errors import OutboxError
from outbox.resources import query
from outbox.settings import Settings

__all__ = ["CHECKS", "Finding", "Level", "examine"]

_BASE = frozenset({"connection", "schema"})
CHECKS: Mapping[str, Check] = {
    "connection": service.check_connection,
    "schema": service.check_schema_version,
    "source": source.check_source,
    "capture": source.check_capture,
    "capture errors": source.check_capture_errors,
    "filtered": source.check_filtered,
    "expiry": expiry.check_expiry,
    "routing": delivery.check_unrouted,
    "overdue": delivery.check_overdue,
    "lanes": delivery.check_lanes,
    "orphans": delivery.check_orphans,
    "dead letters": delivery.check_dead,
    "connectors": delivery.check_connectors,
    "secrets": delivery.check_secrets,
    "workers": service.check_workers,
    "partitions": service.check_partitions,
}


def examine(engine: Engine, settings: Settings) -> list[Finding]:
    """Every finding, in the order of CHECKS; without a connection or our schema the checks end there."""
    try:
        connection = engine.connect()
    except DBAPIError as error:
        words = f"expected an answer from the database, got: {first_line(error)}"
        mend = "check that PostgreSQL runs, and host, user and password in OUTBOX_DATABASE_URL"
        return [Finding(Level.FAULT, "connection", words, mend)]
    with connection:
        connection.execute(query("doctor_limits"))
        findings: list[Finding] = []
        for name, check in CHECKS.items():
            found = _run(check, Ground(name, connection, settings))
            findings += found
            if name in _BASE and any(one.level is Level.FAULT for one in found):
                break
        return findings


def _run(check: Check, ground: Ground) -> list[Finding]:
    try:
        with ground.connection.begin_nested():
            return check(ground)
    except DBAPIError as error:
        return [ground.fault(f"could not be checked: {first_line(error)}", "mend what the database says, ask again")]
    except OutboxError as error:
        return [ground.fault(f"could not be checked: {error}", "mend what it says, ask again")]
