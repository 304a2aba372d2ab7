"""How two connectors differ, in words, and what history keeps of one: never a secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outbox.connector import KEPT, ConnectorSpec, HeaderValue, MappingLine, Secret
from outbox.duration import write_duration
from outbox.model import Json

SECRETS = ("secret", "signing_secret")
CHANGED = "changed"
"""What becomes of a secret that another one replaces, for neither is shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, before and after in words; of a secret only whether it was set or changed."""

    key: str
    before: str
    after: str

    @property
    def words(self) -> str:
        """Before and after on one line."""
        return CHANGED if self.after == CHANGED else f"{self.before} -> {self.after}"


def changes(old: ConnectorSpec, new: ConnectorSpec) -> tuple[Change, ...]:
    """What would change if `new` replaced `old`, in the order of the fields; a kept secret never changes."""
    found: list[Change] = []
    for key in ConnectorSpec.model_fields:
        before, after = getattr(old, key), getattr(new, key)
        if key in SECRETS:
            found += _secret_change(key, before, after)
        elif key == "headers":
            found += _header_changes(before, after)
        elif key == "business_units":
            if set(before) != set(after):
                found.append(Change(key, words(before), words(after)))
        elif before != after and not (key == "enabled" and after is None):
            found.append(Change(key, words(before, key), words(after, key)))
    return tuple(found)


def _secret_change(key: str, before: Secret | str, after: Secret | str) -> list[Change]:
    if before == after or (after is KEPT and before is not None):
        return []
    was, becomes = secret_words(before), secret_words(after)
    return [Change(key, was, CHANGED if was == becomes == "set" else becomes)]


def _header_changes(before: Mapping[str, HeaderValue], after: Mapping[str, HeaderValue]) -> list[Change]:
    found: list[Change] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, str | None) and isinstance(new, str | None):
            found += [Change(f"headers.{name}", words(old), words(new))] if old != new else []
        else:
            found += _secret_change(f"headers.{name}", old, new)
    return found


def secret_words(value: Secret | str) -> str:
    """Whether a secret is there; a header's open value stands as it is."""
    match value:
        case None:
            return "none"
        case str():
            return repr(value)
        case _:
            return "set"


def words(value: object, key: str = "") -> str:
    """A field's value for people, on one line."""
    match value:
        case None:
            text = "the service's own" if key == "schedule" else "none"
        case bool():
            text = "yes" if value else "no"
        case MappingLine():
            text = f"{value.field} -> {value.property}"
        case float() if key in ("schedule", "timeout_seconds"):
            text = write_duration(value)
        case str():
            text = str(value)
        case Sequence():
            text = ", ".join(words(one, key) for one in value) or "none"
        case _:
            text = str(value)
    return text


def history(spec: ConnectorSpec, changed: Sequence[Change]) -> dict[str, Json]:
    """What connector_version keeps: every field, of secrets whether one was set and whether it changed."""
    kept: dict[str, Json] = spec.model_dump(mode="json", exclude={*SECRETS, "headers"})
    kept["headers"] = {
        name: value if isinstance(value, str) else {"secret": "set"} for name, value in spec.headers.items()
    }
    for key in SECRETS:
        kept[key] = secret_words(getattr(spec, key))
    touched = {change.key for change in changed}
    kept |= {f"{key}_changed": True for key in SECRETS if key in touched}
    secret_headers = [
        name for name in spec.headers if f"headers.{name}" in touched and not isinstance(spec.headers[name], str)
    ]
    return kept | ({"headers_changed": secret_headers} if secret_headers else {})
