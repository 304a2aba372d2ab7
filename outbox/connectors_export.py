"""Writes connectors as connectors.toml: what reading it back and applying would leave as it is (pure)."""

import json
from collections.abc import Iterable, Iterator, Sequence

from outbox.connector import ConnectorSpec
from outbox.connector_change import SECRETS
from outbox.connector_check import BusinessUnit
from outbox.duration import write_duration

RESERVED = frozenset({"OUTBOX_SECRET_KEYS"})
"""Variables of our own that a connector's name could spell."""
MANDATORY = ("name", "business_units", "triggers", "url", "content_type", "ssl_verification", "data")


def export(specs: Iterable[ConnectorSpec], units: Sequence[BusinessUnit] = ()) -> str:
    """The file's text; secrets as `{ env = "OUTBOX_SECRET_<NAME>" }`, business units by id with names as comments."""
    names = {unit.id: unit.name for unit in units if unit.name}
    taken = set(RESERVED)
    blocks = ["\n".join(["[[connector]]", *_lines(spec, names, taken)]) for spec in specs]
    return "\n\n".join(blocks) + "\n" if blocks else "# no connectors\n"


def _lines(spec: ConnectorSpec, names: dict[str, str], taken: set[str]) -> Iterator[str]:
    for key, known in ConnectorSpec.model_fields.items():
        value = getattr(spec, key)
        if key not in MANDATORY and value == known.default:
            continue
        if key in SECRETS:
            yield f"{key} = {_reference(f'OUTBOX_{key}', spec.name, taken)}"
        elif key == "headers":
            yield f"headers = {_headers(spec, taken)}"
        elif key == "business_units":
            called = [names[unit] for unit in value if unit in names]
            yield f"{key} = {_toml(value)}" + (f"  # {', '.join(called)}" if called else "")
        elif key == "schedule":
            yield f"schedule = {_toml([write_duration(pause) for pause in value])}"
        elif key != "enabled":
            yield f"{key} = {_toml(value)}"
        elif value is False:
            yield "enabled = false"


def _headers(spec: ConnectorSpec, taken: set[str]) -> str:
    pairs = [
        f"{_quoted(name)} = "
        + (_quoted(value) if isinstance(value, str) else _reference("OUTBOX_SECRET", f"{spec.name} {name}", taken))
        for name, value in spec.headers.items()
    ]
    return "{ " + ", ".join(pairs) + " }"


def _reference(prefix: str, name: str, taken: set[str]) -> str:
    """A variable of its own for each secret, whatever names fall together once spelt in capitals."""
    spelt = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name)
    wanted = variable = f"{prefix}_{spelt}".upper()
    number = 1
    while variable in taken:
        number += 1
        variable = f"{wanted}_{number}"
    taken.add(variable)
    return f'{{ env = "{variable}" }}'


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case int() | float():
            return f"{value:g}" if value == int(value) else repr(value)
        case Sequence():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case _:
            return f"{{ field = {_quoted(value.field)}, property = {_quoted(value.property)} }}"  # type: ignore[attr-defined]


def _quoted(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")
