"""A connector's configuration, and what its versions changed, in words for people: never a secret (pure)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from outbox.connector import KEPT, RECEIVED_WORDS, SSL_WORDS, ConnectorSpec, HeaderValue, MappingLine
from outbox.connector_change import CHANGED, SECRETS, Change, changes, secret_words, words
from outbox.model import ALL_BUSINESS_UNITS, ContentType, DataChoice, FormStyle, Json, Order, Trigger


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the configuration page, and its value; `key` is the field's name."""

    key: str
    title: str
    value: str


def configuration(spec: ConnectorSpec, *, units: Mapping[str, str], old_signing_secret: bool) -> Iterator[Line]:
    """Every field but `enabled`, in the page's order; `units` are the labels of business units by id."""
    for key, known in ConnectorSpec.model_fields.items():
        title, value = known.title or key, getattr(spec, key)
        match key:
            case "enabled":
                continue
            case "business_units":
                yield Line(key, title, ", ".join(units.get(unit, unit) for unit in value))
            case "headers":
                shown = (f"{name}: {text if isinstance(text, str) else 'set'}" for name, text in value.items())
                yield Line(key, title, "\n".join(shown) or "none")
            case _ if key in SECRETS:
                yield Line(key, title, secret_words(value))
            case _:
                yield Line(key, title, _worded(key, value))
    if old_signing_secret:
        yield Line("old_signing_secret", "Old signing secret", "set, until dropped")


def _worded(key: str, value: object) -> str:
    match key:
        case "ssl_verification":
            return SSL_WORDS[bool(value)]
        case "data":
            return RECEIVED_WORDS[DataChoice(str(value))]
        case _:
            return words(value, key)


def title_of(key: str) -> str:
    """What the configuration page calls a field, or one of its headers."""
    field, _, header = key.partition(".")
    known = ConnectorSpec.model_fields.get(field)
    title = (known.title if known else None) or field.replace("_", " ").capitalize()
    return f"{title}: {header}" if header else title


def spec_of(kept: Mapping[str, Json]) -> ConnectorSpec:
    """What a version kept, as a spec: its secrets stand as kept. Not validated, since rules may have come later."""
    defaults: dict[str, Any] = {
        "name": "",
        "business_units": (),
        "triggers": (),
        "url": "",
    }
    known = {key: value for key, value in kept.items() if key in ConnectorSpec.model_fields}
    read = {key: _READERS.get(key, _as_kept)(value) for key, value in known.items()}
    return ConnectorSpec.model_construct(**{**defaults, **read})


def _header(value: Json) -> HeaderValue:
    return value if isinstance(value, str) else KEPT


def _seconds(value: Json) -> float | None:
    return None if value is None else float(value)


def _as_kept(value: Json) -> object:
    return value


def _secret(value: Json) -> object:
    return KEPT if value == "set" else None


_READERS: Mapping[str, Callable[[Json], object]] = {
    "business_units": tuple,
    "company_fields": tuple,
    "triggers": lambda value: tuple(trigger for trigger in Trigger if trigger in value),
    "content_type": ContentType,
    "data": DataChoice,
    "form_style": FormStyle,
    "order": Order,
    "field_mapping": lambda value: tuple(MappingLine.model_construct(**line) for line in value),
    "schedule": lambda value: None if value is None else tuple(float(one) for one in value),
    "rate_per_second": _seconds,
    "timeout_seconds": _seconds,
    "headers": lambda value: {name: _header(one) for name, one in value.items()},
    **dict.fromkeys(SECRETS, _secret),
}


def version_changes(before: Mapping[str, Json] | None, after: Mapping[str, Json]) -> tuple[Change, ...]:
    """What a version changed against the one before, in the page's words; of the first one, what it set."""
    old = spec_of(before or {})
    found = [one for one in changes(old, spec_of(after)) if before is not None or one.after not in ("none", "")]
    found += [Change(key, "set", CHANGED) for key in renewed(after) if key not in {one.key for one in found}]
    return tuple(found)


def renewed(kept: Mapping[str, Json]) -> list[str]:
    """The secrets that a version replaced, by their keys."""
    replaced = [key for key in SECRETS if kept.get(f"{key}_changed")]
    return replaced + [f"headers.{name}" for name in kept.get("headers_changed", ())]


def in_sight(kept: Mapping[str, Json], within: tuple[str, ...] | None) -> dict[str, Json]:
    """What a version kept, without the business units that somebody may not see."""
    units = kept.get("business_units", ())
    return {
        **kept,
        "business_units": [unit for unit in units if within is None or unit in within or unit == ALL_BUSINESS_UNITS],
    }


def named(kept: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    """What a version kept, with names in the place of business units' ids."""
    called = {ALL_BUSINESS_UNITS: "all business units", **names}
    return {**kept, "business_units": [called.get(unit, unit) for unit in kept.get("business_units", ())]}


def restored(kept: Mapping[str, Json], standing: ConnectorSpec) -> ConnectorSpec:
    """What a version asked for, with the secrets that stand now and whether it is enabled left as it is.

    A header that was secret then stands only where it still does: its value was not kept.
    """
    old = spec_of(kept)
    secrets = {key: None if getattr(standing, key) is None else KEPT for key in SECRETS}
    headers = {
        name: value
        for name, value in old.headers.items()
        if isinstance(value, str) or not isinstance(standing.headers.get(name, ""), str)
    }
    return old.model_copy(update={**secrets, "headers": headers, "enabled": None})
