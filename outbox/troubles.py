"""Looks for troubles that people must hear of; each kind is one small function, and none keeps another from being seen.

To add a kind: a function from a Look to troubles, under its rule's name in KINDS, and a line in docs/alerts.md.
"""

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from outbox import drift, expiry_store, standing
from outbox.alerting import Severity, Trouble, listed
from outbox.db import first_line, has_to_wait, is_transient
from outbox.duration import write_duration
from outbox.log import get_log
from outbox.resources import query
from outbox.settings import Settings
from outbox.standing import Standing

LOOK_SECONDS = 5.0
EXPIRY_LATE_SECONDS = 300.0
"""So long after it should have ended a scan for deadlines is late: one that fails is tried again each minute."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a kind of trouble looks at."""

    connection: Connection
    settings: Settings
    standing: Standing


@dataclass(frozen=True, slots=True)
class Seen:
    """The troubles that there are, and the rules of which that can't be said."""

    troubles: tuple[Trouble, ...]
    unknown: frozenset[str]


def look(connection: Connection, settings: Settings, *, rules: Collection[str] | None = None) -> Seen:
    """Every trouble, or those of some rules, in the caller's transaction, whose statements are limited from here on."""
    standing.limit(connection, seconds=LOOK_SECONDS)
    stands = standing.read_standing(connection, heartbeat_seconds=settings.relay.heartbeat_seconds)
    ground = Look(connection, settings, stands)
    troubles: list[Trouble] = []
    unknown: set[str] = set()
    for rule, kind in KINDS.items():
        if rules is not None and rule not in rules:
            continue
        try:
            with connection.begin_nested():
                troubles += kind(ground, rule)
        except DBAPIError as error:
            if is_transient(error) and not has_to_wait(error):
                raise
            unknown.add(rule)
            get_log().warning("alert_not_looked_for", rule=rule, error=first_line(error))
    return Seen(tuple(troubles), frozenset(unknown))


def _held(ground: Look, rule: str) -> Iterator[Trouble]:
    for one in ground.standing.connectors:
        if one.state == "held":
            yield Trouble(
                rule,
                one.name,
                Severity.WARNING,
                f"Connector {one.name} is held",
                one.reason or "its receiver fails",
                "mend what it says; its receiver is probed, and all that waits goes out when it answers",
                {"connector": one.name},
            )


def _disabled(ground: Look, rule: str) -> Iterator[Trouble]:
    for one in ground.standing.connectors:
        if one.state == "given_up":
            yield Trouble(
                rule,
                one.name,
                Severity.CRITICAL,
                f"Connector {one.name} was disabled",
                one.reason or "its receiver took no report",
                f"mend what it says, then `outbox connectors enable {shlex.quote(one.name)}`",
                {"connector": one.name},
            )


def _dead(ground: Look, rule: str) -> Iterator[Trouble]:
    for row in ground.connection.execute(query("alert_dead")):
        quoted = shlex.quote(row.connector)
        yield Trouble(
            rule,
            row.connector,
            Severity.WARNING,
            f"Deliveries to {row.connector} went dead",
            f"within the last day: {row.dead}",
            f"see why: `outbox deliveries --connector {quoted} --state dead`;"
            f" then `outbox replay --connector {quoted} --state dead --since 24h`",
            {"connector": row.connector, "dead": row.dead},
        )


def _not_captured(ground: Look, rule: str) -> Iterator[Trouble]:
    for row in ground.connection.execute(query("alert_capture_errors")):
        yield Trouble(
            rule,
            row.rule,
            Severity.CRITICAL,
            f"Changes were not captured by rule {row.rule!r}",
            # Its words may quote content, and an alert outlives their erasure.
            f"{row.waiting} wait; the latest failed with SQLSTATE {row.sqlstate}",
            "see its words: `outbox doctor`; mend the mapping, `outbox install`, then `outbox recapture`",
            {"rule": row.rule, "waiting": row.waiting},
        )


def _drift(ground: Look, rule: str) -> Iterator[Trouble]:
    faults = [one for one in drift.drift(ground.connection) if one.level == "fault"]
    if faults:
        yield Trouble(
            rule,
            "",
            Severity.CRITICAL,
            "Changes are not captured",
            listed([one.words for one in faults]),
            listed(list(dict.fromkeys(one.mend for one in faults))),
            {"faults": len(faults)},
        )


def _lag(ground: Look, rule: str) -> Iterator[Trouble]:
    limit, stands = ground.settings.alerts.lag_seconds, ground.standing
    late = [f"events for routing {_for(stands.unrouted_seconds)}"] if stands.unrouted_seconds > limit else []
    overdue = sorted(stands.connectors, key=lambda one: -one.overdue_seconds)
    late += [f"deliveries to {one.name} {_for(one.overdue_seconds)}" for one in overdue if one.overdue_seconds > limit]
    if late:
        yield Trouble(
            rule,
            "",
            Severity.CRITICAL,
            "Reports are late",
            f"these wait longer than {write_duration(limit)}: {listed(late)}",
            "read in the log of `outbox run` why it does not go on; start more of them, or give the connector more room"
            " (max_in_flight, rate_per_second)",
            {"lag_seconds": round(stands.lag_seconds), "limit_seconds": round(limit)},
        )


def _room(ground: Look, rule: str) -> Iterator[Trouble]:
    stands = ground.standing
    if stands.room < stands.range_size:
        yield Trouble(
            rule,
            "",
            Severity.WARNING,
            "No partition is made ahead",
            f"there is room for {stands.room} more events; further ones fall into the default partition",
            "`outbox doctor` says why, and the statement that makes one",
            {"room_events": stands.room},
        )


def _strays(ground: Look, rule: str) -> Iterator[Trouble]:
    if strays := ground.standing.strays:
        yield Trouble(
            rule,
            "",
            Severity.WARNING,
            "A default partition holds rows",
            ", ".join(strays),
            "`outbox doctor` says how to move them out",
            {"partitions": list(strays)},
        )


def _expiry_late(ground: Look, rule: str) -> Iterator[Trouble]:
    found = expiry_store.state(ground.connection)
    late = 0.0 if found is None else found.late(every=ground.settings.expiry.scan_seconds)
    if late > EXPIRY_LATE_SECONDS:
        yield Trouble(
            rule,
            "",
            Severity.CRITICAL,
            "Contracts that expire are not told",
            f"a scan for deadlines should have ended, {_for(late)}",
            "`outbox doctor` says what it lacks; the log of `outbox run` says why it fails",
            {"late_seconds": round(late)},
        )


def _for(seconds: float) -> str:
    return f"for {write_duration(max(1, round(seconds)))}"


KINDS: Mapping[str, Callable[[Look, str], Iterator[Trouble]]] = {
    "connector_held": _held,
    "connector_disabled": _disabled,
    "deliveries_dead": _dead,
    "capture_errors": _not_captured,
    "capture_drift": _drift,
    "lag": _lag,
    "no_partition_ahead": _room,
    "default_partition": _strays,
    "expiry_late": _expiry_late,
}
OF_THE_WHOLE: Final = ("capture_drift", "no_partition_ahead", "default_partition", "expiry_late")
"""The kinds that concern no delivery or connector: what is captured at all, and where it is kept."""
