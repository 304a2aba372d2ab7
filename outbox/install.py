"""Plans, installs, uninstalls and recaptures: orders the mapping, the catalogue and the DDL."""

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import psycopg
from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from outbox import expiry_store
from outbox.capture import build
from outbox.catalog import Catalog
from outbox.errors import ConfigurationError, OutboxError
from outbox.inspection import Inspected, inspect
from outbox.inspection_expiry import measure_expired, raised_anew
from outbox.mapping import Mapping
from outbox.plan import INSTALL_LOCK, LOCK_TIMEOUT, Installed, Live, Plan, compare
from outbox.resources import folder, query
from outbox.roles import act_as_owner
from outbox.toml_file import faults_of, read_toml

TRIES = 30
LONGEST_PAUSE_SECONDS = 2.0
RECAPTURE_BATCH = 200
LOCKED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what was found out on the way."""

    plan: Plan
    inspected: Inspected


@dataclass(frozen=True, slots=True)
class Recaptured:
    """What came of recapturing: how many became events (or rightly none), how many failed again."""

    recaptured: int
    failed: int


def load_mapping(file: Path) -> Mapping:
    """The mapping that the file holds; raises ConfigurationError with every fault."""
    written = read_toml(file)
    try:
        return Mapping.model_validate(written)
    except ValidationError as error:
        faults = faults_of(error, file.name, Mapping)
        raise ConfigurationError(*(_by_name(fault, written.get("capture")) for fault in faults)) from None


def _by_name(fault: str, rules: object) -> str:
    """A fault that says the place of a rule from 0 names the rule instead, or its place as people count."""

    def named(place: re.Match[str]) -> str:
        rule = rules[int(place[1])] if isinstance(rules, list) else None
        name = rule.get("name") if isinstance(rule, dict) else None
        label = repr(name) if isinstance(name, str) else str(int(place[1]) + 1)
        return f": capture {label}:" + (f" {place[2]}:" if place[2] else "")

    return re.sub(r": capture\.(\d+)(?:\.([\w.]+))?:", named, fault, count=1)


def templates() -> dict[str, str]:
    """The DDL templates by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((folder("sql") / "capture").glob("*.sql"))}


def plan(connection: Connection, mapping: Mapping, *, allow_slow: bool = False) -> Planned:
    """What installing the mapping would do; raises ConfigurationError with every fault. Changes nothing."""
    act_as_owner(connection)
    inspected = inspect(connection, mapping, allow_slow=allow_slow)
    installation = build(mapping, inspected.facts, templates())
    if installation.expiring is not None:
        cost, warnings = measure_expired(Catalog(connection), installation.expiring, installation.deadline_index)
        anew = _raised_anew(connection, mapping, installation.expiring)
        inspected = replace(inspected, costs=(*inspected.costs, cost), warnings=(*inspected.warnings, *warnings, *anew))
    return Planned(compare(installation, live_objects(connection), installed(connection)), inspected)


def _raised_anew(connection: Connection, mapping: Mapping, expiring: str) -> Iterator[str]:
    row = connection.execute(query("source_current")).one_or_none()
    found = expiry_store.state(connection)
    if row is None or found is None or json.loads(row.mapping)["installed"].get("expiring") == expiring:
        return
    since = mapping.expired.since if mapping.expired else None
    yield from raised_anew(Catalog(connection), expiring, since or found.progress.since)


def live_objects(connection: Connection) -> dict[str, Live]:
    """What stands of an installation, by name."""
    return {row.name: Live(*row) for row in connection.execute(query("catalog_objects"))}


def installed(connection: Connection) -> Installed | None:
    """The last install that stands, or None."""
    row = connection.execute(query("source_current")).one_or_none()
    if row is None:
        return None
    objects = json.loads(row.objects)
    return Installed(digest=objects["digest"], ddl=objects["ddl"], live=objects["live"])


def install(
    engine: Engine, mapping: Mapping, *, allow_slow: bool = False, pause: Callable[[float], None] = time.sleep
) -> Planned:
    """Makes the mapping stand, in one transaction; returns what there was to do.

    Waits for locks at most a second at a time, so that the application never queues behind it for longer.
    """

    def work(connection: Connection) -> Planned:
        planned = plan(connection, mapping, allow_slow=allow_slow)
        _run(connection, planned.plan.statements())
        return planned

    return _with_patience(engine, work, pause)


def uninstall(engine: Engine, *, pause: Callable[[float], None] = time.sleep) -> tuple[Live, ...]:
    """Removes every capture trigger and generated function; what was captured stays. Returns what was removed."""

    def work(connection: Connection) -> tuple[Live, ...]:
        act_as_owner(connection)
        standing = sorted(live_objects(connection).values(), key=lambda one: one.kind != "trigger")
        _run(connection, (one.drop_statement for one in standing))
        connection.execute(query("rules_clear"))
        connection.execute(query("source_remove"))
        connection.execute(query("expiry_forget"))
        return tuple(standing)

    return _with_patience(engine, work, pause)


def _with_patience(engine: Engine, work: Callable[[Connection], Made], pause: Callable[[float], None]) -> Made:
    """Runs the work in a transaction under a short lock timeout, again where a lock could not be had."""
    for number in range(1, TRIES + 1):
        try:
            with engine.begin() as connection:
                _run(
                    connection,
                    [f"SELECT pg_advisory_xact_lock({INSTALL_LOCK})", f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"],
                )
                return work(connection)
        except LOCKED:
            if number == TRIES:
                break
            pause(random.uniform(0, LONGEST_PAUSE_SECONDS * number / TRIES))  # noqa: S311 (jitter, no secret)
    raise OutboxError(
        f"the tables' locks could not be had in {TRIES} tries of {LOCK_TIMEOUT}: a long transaction holds them; nothing"
        " was changed; find it in pg_stat_activity, or try again in a quieter hour"
    )


def _run(connection: Connection, statements: Iterable[str]) -> None:
    with Catalog(connection).raw.cursor() as cursor:
        for statement in statements:
            try:
                cursor.execute(statement.encode())
            except LOCKED:
                raise
            except psycopg.Error as error:
                first = statement.strip().splitlines()[0]
                raise OutboxError(
                    f"the database refused {first!r}: {str(error).strip()}; nothing was changed"
                ) from error


def waiting_errors(connection: Connection) -> list[tuple[str, int, str]]:
    """The recorded failures that wait: rule, count, an example."""
    return [(row.rule, row.waiting, row.example) for row in connection.execute(query("recapture_count"))]


def recapture(engine: Engine) -> Recaptured:
    """Makes events of every recorded failure that the installed rules can now read; batch by batch."""
    after, done, failed = 0, 0, 0
    while True:
        with engine.begin() as connection:
            act_as_owner(connection)
            row = connection.execute(query("recapture"), {"after": after, "most": RECAPTURE_BATCH}).one()
        if row.last_id is None:
            return Recaptured(done, failed)
        after, done, failed = row.last_id, done + row.recaptured, failed + row.failed
