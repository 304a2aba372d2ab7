"""Writes rows for machines, JSON and CSV: every value exact, and one row after the other, however many there are."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from outbox import canonical
from outbox.moment import write_moment


def print_json(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: TextIO) -> None:
    r"""A JSON array, one object a line; numbers keep their digits, bytes that are UTF-8 are text, others `\x...`."""
    before = "[\n"
    for row in rows:
        out.write(before + canonical.dumps({name: _plain(row[name]) for name in columns}).decode())
        before = ",\n"
    out.write("[\n]\n" if before == "[\n" else "\n]\n")


def print_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], out: TextIO) -> None:
    """CSV with a header; JSON values as JSON, nothing as an empty field."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([written(row[name]) for name in columns])


def written(value: object) -> str:
    """A value as text: what is text already as it is, nothing as nothing, all else as JSON."""
    plain = _plain(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else canonical.dumps(plain).decode()


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
