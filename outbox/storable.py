"""What PostgreSQL can keep of a receiver's words (pure)."""

import json
from collections.abc import Iterable, Mapping


def grouped(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined as HTTP allows."""
    grouped: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        grouped[key] = f"{grouped[key]}, {value}" if key in grouped else value
    return grouped


def storable(text: str | None) -> str | None:
    """PostgreSQL's text holds no NUL and no lone surrogate; a receiver's words may."""
    return None if text is None else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def json_text(values: Mapping[str, str]) -> str | None:
    """A JSON object of storable words; None for none."""
    if not values:
        return None
    return json.dumps({storable(name): storable(value) for name, value in values.items()})
