"""The forms of an answer, and the options that choose one."""

import sys
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from outbox.cli.filters import known_word
from outbox.errors import ConfigurationError


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatWord: TypeAlias = Annotated[
    str | None, typer.Option("--format", help="table, json or csv.  [default: table on a terminal, else json]")
]
PageFormatWord: TypeAlias = Annotated[
    str | None, typer.Option("--format", help="table (for people) or json (for machines).  [default: table]")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


def chosen_format(written: str | None) -> Format:
    """The form asked for: what a person can read on a terminal, what a machine can elsewhere."""
    return _known(written) or (Format.TABLE if sys.stdout.isatty() else Format.JSON)


def wants_json(written: str | None, *, as_json: bool) -> bool:
    """Whether JSON was asked for where people are answered otherwise."""
    form = _known(written)
    if form is Format.CSV:
        raise ConfigurationError("--format: expected table or json here, got 'csv'")
    if as_json and form is Format.TABLE:
        raise ConfigurationError("--format, --json: expected one form, got table and JSON; leave one out")
    return as_json or form is Format.JSON


def _known(written: str | None) -> Format | None:
    faults: list[str] = []
    found = known_word(Format, "format", written, faults)
    if faults:
        raise ConfigurationError(*faults)
    return found
