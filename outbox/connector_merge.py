"""Two people edit one connector: what the other changed meanwhile, beside what this one typed, by field (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from outbox.connector import KEPT, RECEIVED_WORDS, SSL_WORDS, ConnectorSpec, MappingLine
from outbox.connector_change import CHANGED, SECRETS, changes
from outbox.connector_form import ENABLE, OWN, Draft, HeaderDraft, MappingDraft, SecretChoice, SecretDraft, draft_of
from outbox.connector_rows import BLANK
from outbox.model import DataChoice, Json

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ssl_verification": ("ssl_verification", "ssl_confirmed"),
    "schedule": ("retries", "schedule"),
    "signing_secret": ("signing_secret", "drop_old_signing_secret"),
}
"""The attributes of a draft that belong to one field, where they are not that of its name alone."""
_OURS = ("enabled",)
"""Fields that the form of a standing connector doesn't have."""


def spec_on_record(written: Mapping[str, Json]) -> ConnectorSpec:
    """A version's spec as `history` keeps it: of secrets only whether one was set, so it stands as kept."""
    named = {key: value for key, value in written.items() if key in ConnectorSpec.model_fields}
    named |= {key: KEPT if written.get(key) == "set" else None for key in SECRETS}
    named["headers"] = {
        name: value if isinstance(value, str) else KEPT for name, value in written.get("headers", {}).items()
    }
    named["field_mapping"] = tuple(MappingLine.model_construct(**line) for line in written.get("field_mapping", ()))
    named |= {key: tuple(written.get(key, ())) for key in ("business_units", "triggers", "company_fields")}
    named["schedule"] = None if written.get("schedule") is None else tuple(map(float, written["schedule"]))
    for key in ("timeout_seconds", "rate_per_second"):
        named[key] = None if written.get(key) is None else float(written[key])
    return ConnectorSpec.model_construct(**named)


class Take(StrEnum):
    """What to save of a field that another changed: what the form has, what stands now, or what stood before."""

    FORM = "form"
    THEIRS = "theirs"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Version:
    """One version on record: who made it, when, by what."""

    number: int
    action: str
    changed_at: datetime
    changed_by: str
    origin: str
    spec: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """One field that another changed: in words as it was read, as it stands now, and as the form has it."""

    key: str
    title: str
    read: str
    theirs: str
    form: str
    merged: bool

    @property
    def other(self) -> Take | None:
        """What else than the form's value can be taken: theirs, or where the form has theirs, what was read.

        A secret that was replaced is gone: nothing else is there.
        """
        if not self.merged:
            return Take.THEIRS
        return None if self.theirs == CHANGED else Take.READ


@dataclass(frozen=True, slots=True)
class Conflict:
    """What became of a connector since `read`, as far as the form is concerned, and the versions that made it so."""

    read: ConnectorSpec
    stands: ConnectorSpec
    versions: tuple[Version, ...]

    @property
    def secrets(self) -> frozenset[str]:
        """The fields whose secrets were set or changed meanwhile; `changes` can't see it, for history has none."""
        found = {key for one in self.versions for key in SECRETS if one.spec.get(f"{key}_changed")}
        return frozenset(found | {"headers" for one in self.versions if one.spec.get("headers_changed")})

    def fields(self) -> list[str]:
        """The fields that differ now from what was read."""
        found = {change.key.partition(".")[0] for change in changes(self.read, self.stands)} | self.secrets
        return [key for key in ConnectorSpec.model_fields if key in found and key not in _OURS]


def merged(form: Draft, conflict: Conflict) -> Draft:
    """The form with what another changed in those fields that its own author left as they were read."""
    read, now = draft_of(conflict.read), draft_of(conflict.stands)
    untouched = [key for key in conflict.fields() if _part(form, key) == _part(read, key)]
    return _with(form, dict.fromkeys(untouched, now))


def taken(form: Draft, conflict: Conflict, wanted: Mapping[str, Take]) -> Draft:
    """The form with the value that stands now, or stood when it was read, where its author wants that."""
    sources = {Take.THEIRS: draft_of(conflict.stands), Take.READ: draft_of(conflict.read)}
    return _with(form, {key: sources[take] for key, take in wanted.items() if take in sources})


def meanwhile(form: Draft, conflict: Conflict, unit_names: Mapping[str, str]) -> tuple[Meanwhile, ...]:
    """Each field that another changed, with its three values."""
    return tuple(_compared(form, conflict, unit_names))


def _compared(form: Draft, conflict: Conflict, unit_names: Mapping[str, str]) -> Iterator[Meanwhile]:
    read, now = draft_of(conflict.read), draft_of(conflict.stands)
    for key in conflict.fields():
        replaced = key in conflict.secrets
        yield Meanwhile(
            key,
            title_of(key),
            _words(read, key, unit_names),
            CHANGED if replaced and _part(read, key) == _part(now, key) else _words(now, key, unit_names),
            _words(form, key, unit_names),
            merged=_part(form, key) == _part(now, key),
        )


def title_of(key: str) -> str:
    """The page's name of a field."""
    return ConnectorSpec.model_fields[key].title or key


def _part(draft: Draft, key: str) -> tuple[object, ...]:
    return tuple(_comparable(getattr(draft, name), name) for name in PARTS.get(key, (key,)))


def _comparable(value: object, name: str) -> object:
    """Sorted where order means nothing; rows that nobody filled in are none."""
    if isinstance(value, tuple):
        rows = tuple(row for row in value if row not in BLANK.values())
        return tuple(sorted(rows)) if name in ("business_units", "triggers") else rows
    return value


def _with(draft: Draft, sources: Mapping[str, Draft]) -> Draft:
    values: dict[str, Any] = {
        name: getattr(source, name) for key, source in sources.items() for name in PARTS.get(key, (key,))
    }
    return replace(draft, **values)


def _words(draft: Draft, key: str, unit_names: Mapping[str, str]) -> str:
    """A field's value in one line, for people; of a secret only what becomes of it."""
    value = getattr(draft, key)
    if key == "ssl_verification":
        words = SSL_WORDS[value == ENABLE]
    elif key == "data":
        words = RECEIVED_WORDS[DataChoice(value)] if value in set(DataChoice) else value
    elif key == "schedule":
        words = (value or "one attempt, no retry") if draft.retries == OWN else "the service's own"
    elif isinstance(value, SecretDraft):
        words = _secret_words(value)
    elif isinstance(value, tuple):
        words = ", ".join(_row_words(row, unit_names) for row in value if row not in BLANK.values())
    else:
        words = str(value)
    return words or "none"


def _row_words(row: object, unit_names: Mapping[str, str]) -> str:
    match row:
        case MappingDraft():
            return f"{row.field} -> {row.property}"
        case HeaderDraft():
            return f"{row.name}: {'(secret)' if row.secret else row.value}"
        case _:
            return unit_names.get(str(row), str(row))


def _secret_words(secret: SecretDraft) -> str:
    match secret.choice:
        case SecretChoice.KEEP:
            return "kept as it is"
        case SecretChoice.REMOVE:
            return "removed"
        case SecretChoice.REPLACE:
            return "a new one" if secret.typed else "none"
