"""The installation as people look at it: workers, capture, partitions, migrations, settings. It concerns everybody."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, SecretStr
from sqlalchemy import Connection, Row, make_url
from sqlalchemy.exc import ArgumentError

from outbox.access import Within
from outbox.duration import write_duration
from outbox.errors import RefusedError
from outbox.resources import query
from outbox.settings import Settings

MOST_WORKERS, MOST_RANGES = 100, 100
_FIRES = {"O": "enabled", "A": "always", "R": "on replicas only", "D": "disabled"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A capture rule of the installed mapping."""

    name: str
    trigger: str
    table: str
    on: str
    when: str | None


@dataclass(frozen=True, slots=True)
class CaptureObject:
    """A trigger or function that installing made."""

    name: str
    kind: str
    table: str | None
    fires: str | None
    calls: str | None
    ddl: str | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """The mapping that is installed, and what stands of it; without `installed_at` there is none."""

    installed_at: datetime | None
    installed_by: str | None
    rules: Sequence[Rule]
    objects: Sequence[CaptureObject]


@dataclass(frozen=True, slots=True)
class System:
    """All that can be told at once."""

    workers: Sequence[Row[Any]]
    chores: Sequence[Row[Any]]
    capture: Capture
    partitions: Sequence[Row[Any]]
    pruned: Sequence[Row[Any]]
    floor: str | None
    migrations: Sequence[Row[Any]]


def system(connection: Connection, *, within: Within) -> System:
    """How the installation stands; RefusedError for who is limited to business units."""
    _require_all(within)
    bounded = {"most": MOST_RANGES}
    floor = connection.execute(query("doctor_retention"), {"days": 0}).one_or_none()
    return System(
        workers=connection.execute(query("system_workers"), {"most": MOST_WORKERS}).all(),
        chores=connection.execute(query("system_chores")).all(),
        capture=_capture(connection),
        partitions=connection.execute(query("system_partitions"), bounded).all(),
        pruned=connection.execute(query("system_pruned"), bounded).all(),
        floor=None if floor is None else floor.floor,
        migrations=connection.execute(query("system_migrations")).all(),
    )


def capture_object(connection: Connection, name: str, *, within: Within) -> CaptureObject | None:
    """One object with its definition; None where installing made none of that name."""
    _require_all(within)
    row = connection.execute(query("system_ddl"), {"name": name}).one_or_none()
    if row is None:
        return None
    return CaptureObject(row.name, row.kind, row.table_name, _FIRES.get(row.enabled), None, row.ddl)


def _require_all(within: Within) -> None:
    if within is not None:
        raise RefusedError("the system concerns all business units, and you are limited to some")


def _capture(connection: Connection) -> Capture:
    row = connection.execute(query("source_current")).one_or_none()
    objects = [
        CaptureObject(one.name, one.kind, one.table_name, _FIRES.get(one.enabled), one.calls)
        for one in connection.execute(query("system_objects"))
    ]
    if row is None:
        return Capture(None, None, (), objects)
    rules = json.loads(row.mapping).get("capture") or ()
    return Capture(row.installed_at, row.installed_by, [_rule(one) for one in rules], objects)


def _rule(written: Mapping[str, Any]) -> Rule:
    on = written.get("on", "")
    return Rule(
        name=written.get("name") or f"{written['trigger']} on {written['table']}",
        trigger=written["trigger"],
        table=written["table"],
        on=on if isinstance(on, str) else ", ".join(on),
        when=written.get("when"),
    )


def settings_in_force(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every setting with its value in words; of secrets only whether they are set."""
    yield "folder", str(settings.folder)
    yield "database.url", _without_password(settings.database_url)
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        for key in type(section).model_fields if isinstance(section, BaseModel) else ():
            if (name, key) != ("database", "url"):
                yield f"{name}.{key}", _words(key, getattr(section, key))


def _without_password(url: SecretStr) -> str:
    """Where the database is and as whom it is asked; nothing else of the URL is shown."""
    try:
        parts = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):
        return "set"
    return f"{parts.host or 'local'}:{parts.port or 5432}/{parts.database} as {parts.username}"


def _words(key: str, value: object) -> str:
    match value:
        case SecretStr():
            text = "set" if value.get_secret_value() else ""
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case float() if key.endswith("_seconds"):
            text = write_duration(value)
        case tuple() | list():
            text = ", ".join(_words(key, one) for one in value)
        case _:
            text = str(value)
    return text or "not set"
