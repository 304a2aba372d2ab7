"""The health of receivers: written only when it changes, and the right to probe one that is held."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from outbox.attempt_columns import storable
from outbox.breaker import Health, Rules, Tally, Turn, Verdict, judge
from outbox.resources import query


def record(connection: Connection, tallies: Sequence[Tally], *, rules: Rules) -> list[Verdict]:
    """Writes what attempts tell of their receivers, in the transaction that settles them, and returns what it means.

    When a receiver answers, what waits for nothing but a retry of the failures it had is due at once.
    """
    telling = {one.connector_id: one for one in tallies if one.tells}
    failing = connection.execute(query("health_failing"), {"connector_ids": sorted(telling)}).scalars().all()
    concerned = sorted({*failing, *(one.connector_id for one in telling.values() if one.failures)})
    if not concerned:
        return []
    before = connection.execute(query("health_lock"), {"connector_ids": concerned}).all()
    verdicts = [judge(_health(row), telling[row.connector_id], rules=rules, now=row.now) for row in before]
    _write(connection, verdicts)
    since = {row.connector_id: row.failing_since for row in before}
    answering = {one.connector_id: since[one.connector_id] for one in verdicts if one.turn is Turn.ANSWERS}
    if answering:
        connection.execute(
            query("health_release"), {"connector_ids": list(answering), "since": list(answering.values())}
        )
    return verdicts


def _health(row: Row[Any]) -> Health:
    return Health(
        connector_id=row.connector_id,
        failures=row.failures,
        failing_since=row.failing_since,
        last_error=row.last_error,
        held_at=row.held_at,
        held_reason=row.held_reason,
        probe_at=row.probe_at,
        probes=row.probes,
    )


def _write(connection: Connection, verdicts: Sequence[Verdict]) -> None:
    if well := [one.connector_id for one in verdicts if one.health is None]:
        connection.execute(query("health_well"), {"connector_ids": well})
    if failing := [one.health for one in verdicts if one.health is not None]:
        connection.execute(
            query("health_write"),
            {
                "connector_ids": [one.connector_id for one in failing],
                "failures": [one.failures for one in failing],
                "failing_since": [one.failing_since for one in failing],
                "last_errors": [storable(one.last_error) for one in failing],
                "held_at": [one.held_at for one in failing],
                "held_reasons": [storable(one.held_reason) for one in failing],
                "probe_at": [one.probe_at for one in failing],
                "probes": [one.probes for one in failing],
            },
        )


def win_probes(connection: Connection, lease_seconds: Mapping[int, float]) -> list[int]:
    """Those of these held connectors that this worker, of all, may probe now: with one delivery, under its lease."""
    if not lease_seconds:
        return []
    values = {"connector_ids": list(lease_seconds), "lease_seconds": list(lease_seconds.values())}
    return list(connection.execute(query("health_probe"), values).scalars())


def unprobed(connection: Connection, connector_ids: Sequence[int]) -> None:
    """These connectors' probes were not sent: the next may go at once."""
    if connector_ids:
        connection.execute(query("health_unprobed"), {"connector_ids": sorted(connector_ids)})
