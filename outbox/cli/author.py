"""Who gives a command: the user of the operating system, or whom --as names."""

import os
import pwd
from typing import Annotated, TypeAlias

import typer

from outbox.connector_edits import Author
from outbox.errors import ConfigurationError

As: TypeAlias = Annotated[
    str | None, typer.Option("--as", help="Who asks for it.  [default: your user name]", metavar="NAME")
]


def author_of(written: str | None) -> Author:
    """The author of a change on the command line."""
    return Author(name_of(written), "command")


def name_of(written: str | None) -> str:
    """Whom --as names, else the user of the operating system."""
    if written is None:
        return _user()
    if not written.strip() or not written.isprintable():
        raise ConfigurationError(f"--as: expected a name, got {written!r}")
    return written.strip()


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
