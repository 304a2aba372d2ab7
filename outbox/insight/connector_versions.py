"""What people see of a connector's versions: who changed what, when and from where. Never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from outbox import canonical
from outbox.access import Within
from outbox.connector_change import Change
from outbox.connector_words import in_sight, named, version_changes
from outbox.model import Json
from outbox.resources import query

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a connector, and how it differs from the one before, as far as it concerns units in sight."""

    number: int
    action: str
    changed_at: datetime
    changed_by: str
    origin: str
    changes: tuple[Change, ...]
    kept: dict[str, Json]


def versions(
    connection: Connection,
    connector_id: int,
    *,
    within: Within,
    names: Mapping[str, str],
    below: int | None = None,
) -> tuple[Version, ...]:
    """The newest versions below one, newest first; none for a connector that isn't theirs to see.

    `names` are what the changes call business units, by id; `kept` has their ids.
    """
    asked = {
        "connector_id": connector_id,
        "below": below,
        "most": SHOWN + 1,
        "within": None if within is None else list(within),
    }
    rows = connection.execute(query("insight_connector_versions"), asked).all()
    kept = [in_sight(canonical.loads(row.spec), within) for row in rows]
    told = [named(one, names) for one in kept]
    before = [*told[1:], None] if len(rows) <= SHOWN else told[1:]
    return tuple(
        Version(
            number=row.version,
            action=row.action,
            changed_at=row.changed_at,
            changed_by=row.changed_by,
            origin=row.origin,
            changes=version_changes(earlier, now),
            kept=spec,
        )
        for row, spec, now, earlier in zip(rows, kept, told, before, strict=False)
    )


def version(connection: Connection, connector_id: int, number: int, *, within: Within) -> Version | None:
    """One version; None where there is none, or it isn't theirs to see."""
    found = versions(connection, connector_id, within=within, names={}, below=number + 1)
    return found[0] if found and found[0].number == number else None
