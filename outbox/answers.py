"""Writes rows for machines, JSON and CSV: every value exact, and one row after the other, however many there are."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from outbox import canonical
from outbox.moment import write_moment

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a text begins that a spreadsheet may take for a formula, full-width signs included."""


def print_json(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: TextIO) -> None:
    r"""A JSON array, one object a line; numbers keep their digits, bytes that are UTF-8 are text, others `\x...`."""
    before = "[\n"
    for row in rows:
        out.write(before + canonical.dumps({name: _plain(row[name]) for name in columns}).decode())
        before = ",\n"
    out.write("[\n]\n" if before == "[\n" else "\n]\n")


def print_csv(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: TextIO, *, for_spreadsheets: bool = False
) -> None:
    """CSV with a header; JSON values as JSON, nothing as an empty field.

    `for_spreadsheets`: a text that one would take for a formula begins with an apostrophe, so not every value is exact.
    """
    cell = _defused if for_spreadsheets else written
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell(name) for name in columns])
    for row in rows:
        writer.writerow([cell(row[name]) for name in columns])


def _defused(value: object) -> str:
    text = written(value)
    return "'" + text if isinstance(value, str | bytes) and text.startswith(_FORMULAS) else text


def change_words(changed: Mapping[str, Any] | None) -> str:
    """Each column with its old and new value, on one line."""
    return "; ".join(
        f"{column} changed" if values is None else f"{column}: {_json(values['old'])} -> {_json(values['new'])}"
        for column, values in (changed or {}).items()
    )


def told(value: object) -> object:
    """Changes as words; any other value as it is."""
    changes = isinstance(value, Mapping) and all(
        isinstance(one, Mapping) and set(one) == {"old", "new"} for one in value.values()
    )
    return change_words(value) if isinstance(value, Mapping) and changes else value


def written(value: object) -> str:
    """A value as text: what is text already as it is, nothing as nothing, all else as JSON."""
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else canonical.dumps(plain).decode()


def _json(value: object) -> str:
    return canonical.dumps(value).decode()


def _plain(value: object) -> object:
    """A value that JSON can say."""
    if isinstance(value, datetime):
        return write_moment(value)
    return _decoded(value) if isinstance(value, bytes) else value


def _decoded(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return "\\x" + value.hex()
    return text if not text.startswith("\\x") else "\\x" + value.hex()
