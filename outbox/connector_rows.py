"""Rows of the configuration page's lists: added, removed, moved; the field mapping as JSON and back (pure)."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from outbox.connector import FieldError
from outbox.connector_form import Draft, HeaderDraft, MappingDraft

Row = TypeVar("Row")
BLANK = {"company_fields": "", "field_mapping": MappingDraft(), "headers": HeaderDraft()}
"""The lists of the form, and a new row of each."""
EXPECTED_MAPPING = (
    'expected a JSON array such as [{"field": "amount", "property": "DealValue"}],'
    ' or an object such as {"amount": "DealValue"}'
)


def is_row_act(act: str) -> bool:
    """Whether a button's word is one that `rearranged` knows, such as `field_mapping.up.2`."""
    name, _, rest = act.partition(".")
    word, _, place = rest.partition(".")
    return name in BLANK and (word == "add" if not place else word in ("remove", "up", "down") and place.isdigit())


def rearranged(draft: Draft, act: str) -> Draft:
    """The form with a row added, removed or moved; as it was where there is no such row."""
    name, _, rest = act.partition(".")
    word, _, place = rest.partition(".")
    rows: tuple[Any, ...] = getattr(draft, name)
    changed: dict[str, Any] = {name: (*rows, BLANK[name]) if word == "add" else _moved(rows, word, int(place))}
    return replace(draft, **changed)


def _moved(rows: tuple[Row, ...], word: str, place: int) -> tuple[Row, ...]:
    if place >= len(rows):
        return rows
    left = [*rows[:place], *rows[place + 1 :]]
    if word != "remove":
        left.insert(max(0, place - 1) if word == "up" else place + 1, rows[place])
    return tuple(left)


def mapping_json(rows: Iterable[MappingDraft]) -> str:
    """The field mapping as JSON, a line each, as `connectors.toml` and `mapping_rows` read it."""
    lines = [
        json.dumps({"field": row.field, "property": row.property}, ensure_ascii=False)
        for row in rows
        if row.field.strip() or row.property
    ]
    return "[\n  " + ",\n  ".join(lines) + "\n]" if lines else "[]"


def mapping_rows(written: str) -> tuple[MappingDraft, ...]:
    """The rows of a field mapping in JSON: an array of objects, or one object; FieldError in words."""
    try:
        read = json.loads(written)
    except ValueError as error:
        raise FieldError([f"{EXPECTED_MAPPING}; got a text that is no JSON: {error}"]) from None
    except RecursionError:
        raise FieldError([f"{EXPECTED_MAPPING}; got one that is nested too deeply"]) from None
    if isinstance(read, dict):
        read = [{"field": name, "property": target} for name, target in read.items()]
    if not isinstance(read, list):
        raise FieldError([EXPECTED_MAPPING])
    return tuple(_row(line, place) for place, line in enumerate(read, start=1))


def _row(line: object, place: int) -> MappingDraft:
    match line:
        case {"field": str(name), "property": str(target), **others} if not others:
            return MappingDraft(name, target)
        case _:
            raise FieldError([f"{EXPECTED_MAPPING}; line {place} has not exactly the texts field and property"])
