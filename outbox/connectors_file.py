"""Connectors as code: reads connectors.toml, says what applying it would change, and applies it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from outbox.connector import KEPT, ConnectorSpec
from outbox.connector_change import SECRETS, Change, changes
from outbox.connector_check import SourceNames
from outbox.connector_edits import Author, create_connector, edit_connector, remove_connector
from outbox.connector_input import ReadVariable, WrittenConnector, read_connector
from outbox.connectors import StandingConnector
from outbox.errors import ConfigurationError
from outbox.resources import query
from outbox.secret_box import NO_KEY, SecretBox
from outbox.source_names import check_connector
from outbox.suggest import suggestion
from outbox.toml_file import read_toml

TABLE = "connector"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A change that was made after the file was last applied: who, when, from where."""

    version: int
    action: str
    changed_at: datetime
    changed_by: str
    origin: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One connector of the file beside what stands: `standing` None, it would be created."""

    spec: ConnectorSpec
    standing: StandingConnector | None
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether applying would change something."""
        return self.standing is None or bool(self.changes)


@dataclass(frozen=True, slots=True)
class Differences:
    """The whole file beside what stands; `prunable` were created by apply and are in the file no more."""

    listed: tuple[Difference, ...]
    prunable: tuple[StandingConnector, ...]
    foreign: tuple[StandingConnector, ...]

    @property
    def to_make(self) -> tuple[Difference, ...]:
        """Those that applying would create or change."""
        return tuple(one for one in self.listed if one.differs)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """The connectors of a file in its order, and what is wrong with those that are missing here."""

    path: Path
    connectors: tuple[WrittenConnector, ...]
    faults: tuple[str, ...]


def read_connectors_file(file: Path, *, read_variable: ReadVariable) -> WrittenFile:
    """Every connector of the file that can be read; raises ConfigurationError where the file itself can't be."""
    tables, faults = _tables(file)
    written: list[WrittenConnector] = []
    for table, label in tables:
        try:
            written.append(read_connector(table, label=label, folder=file.parent, read_variable=read_variable))
        except ConfigurationError as error:
            faults += error.faults
    names = [str(table["name"]) for table, _ in tables if "name" in table]
    twice = sorted({name for name in names if names.count(name) > 1})
    faults += [f"{file}: expected each name once, got {name!r} again; rename one" for name in twice]
    return WrittenFile(file, tuple(written), tuple(faults))


def _tables(file: Path) -> tuple[list[tuple[dict[str, Any], str]], list[str]]:
    """Each [[connector]] with the label for its faults, and what is wrong with the file around them."""
    content = read_toml(file)
    faults = [f"{file}: {key}: unknown key; {suggestion(key, [TABLE])}" for key in content if key != TABLE]
    listed = content.get(TABLE, [])
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        faults.append(f"{file}: {TABLE}: expected tables [[{TABLE}]], got something else; double the brackets")
        listed = []
    tables = []
    for place, table in enumerate(listed, start=1):
        name = table.get("name")
        tables.append((table, f"{file}: connector {name!r}" if isinstance(name, str) else f"{file}: connector {place}"))
    return tables, faults


def compare(
    connection: Connection,
    written: WrittenFile,
    standing: Sequence[StandingConnector],
    *,
    source: SourceNames,
    box: SecretBox,
    allow_unknown: bool = False,
    allow_networks: Sequence[str] = (),
) -> Differences:
    """What applying would change; raises ConfigurationError with every fault of the file."""
    by_name = {one.spec.name: one for one in standing}
    elsewhere = _changed_elsewhere(connection)
    listed: list[Difference] = []
    faults = list(written.faults)
    for one in written.connectors:
        old = by_name.get(one.spec.name)
        units = old.spec.business_units if old else ()
        checked = check_connector(
            connection,
            one.spec,
            source,
            standing_units=units,
            allow_unknown=allow_unknown,
            allow_networks=allow_networks,
        )
        label = f"{written.path}: connector {one.spec.name!r}"
        faults += [f"{label}: {fault}" for fault in (*checked.faults, *_secret_faults(one, old, box))]
        listed.append(
            Difference(
                checked.spec,
                old,
                changes(old.spec, checked.spec) if old else _creation(checked.spec),
                notes=(*checked.warnings, *_notes(one, old)),
                elsewhere=tuple(elsewhere.get(old.id, ())) if old else (),
            )
        )
    if faults:
        raise ConfigurationError(*faults)
    names = {one.spec.name for one in written.connectors}
    others = [one for one in standing if one.spec.name not in names]
    return Differences(
        tuple(listed),
        prunable=tuple(one for one in others if one.origin == "code"),
        foreign=tuple(one for one in others if one.origin != "code"),
    )


def apply(
    connection: Connection,
    differences: Differences,
    *,
    box: SecretBox,
    author: str,
    prune: bool = False,
) -> int:
    """Creates and changes what differs, with `prune` removes what apply once created: how many connectors.

    All in the caller's transaction; raises RefusedError when a connector was changed since it was compared.
    """
    by = Author(author, "code")
    for one in differences.to_make:
        if one.standing is None:
            create_connector(connection, one.spec, box=box, author=by)
        else:
            edit_connector(
                connection, one.standing, one.spec, box=box, author=by, reason=f"disabled in the file by {author}"
            )
    pruned = differences.prunable if prune else ()
    for standing in pruned:
        remove_connector(connection, standing, author=by)
    return len(differences.to_make) + len(pruned)


def _creation(spec: ConnectorSpec) -> tuple[Change, ...]:
    """Every field that a new connector is given, as changes from what it would be otherwise."""
    given = spec.model_fields_set
    bare = ConnectorSpec.model_construct(name="", business_units=(), triggers=(), url="")
    return tuple(change for change in changes(bare, spec) if change.key.partition(".")[0] in given)


def _secret_faults(one: WrittenConnector, old: StandingConnector | None, box: SecretBox) -> list[str]:
    """Secrets that are neither at hand nor stored, and secrets that no key is there to encrypt."""
    stored = _stored_secrets(old)
    faults = [f"{key}: {words}; set it" for key, words in one.missing.items() if key not in stored]
    given = [key for key, value in _secrets(one.spec).items() if value not in (None, KEPT)]
    if given and not box.has_keys:
        faults.append(f"{given[0]}: {NO_KEY}")
    return faults


def _notes(one: WrittenConnector, old: StandingConnector | None) -> list[str]:
    stored = _stored_secrets(old)
    notes = [f"{key}: {words}; the stored one is kept" for key, words in one.missing.items() if key in stored]
    if old is not None and not old.enabled and one.spec.enabled is None:
        notes.append(f"stays disabled ({old.disabled_reason}); `outbox connectors enable` or enabled = true enables it")
    if old is not None and old.spec.enabled is False and one.spec.enabled is True:
        notes.append("what waits for it will be sent")
    return notes


def _stored_secrets(old: StandingConnector | None) -> frozenset[str]:
    if old is None:
        return frozenset()
    return frozenset(key for key, value in _secrets(old.spec).items() if value is not None)


def _secrets(spec: ConnectorSpec) -> dict[str, object]:
    """Everything secret of a spec by key, None where there is none."""
    named: Mapping[str, object] = {key: getattr(spec, key) for key in SECRETS}
    secret_headers = {f"headers.{name}": value for name, value in spec.headers.items() if not isinstance(value, str)}
    return {**named, **secret_headers}


def unchanged_secrets(one: Difference) -> tuple[str, ...]:
    """The secrets that stay as they are."""
    changed = {change.key for change in one.changes}
    return tuple(key for key, value in _secrets(one.spec).items() if value is not None and key not in changed)


def _changed_elsewhere(connection: Connection) -> dict[int, list[Elsewhere]]:
    found: dict[int, list[Elsewhere]] = {}
    for row in connection.execute(query("connector_changed_elsewhere")):
        change = Elsewhere(row.version, row.action, row.changed_at, row.changed_by, row.origin)
        found.setdefault(row.connector_id, []).append(change)
    return found
