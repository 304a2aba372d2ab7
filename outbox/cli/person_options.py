"""The options that people and tokens share: a role, a limit to business units; and where a password comes from."""

import getpass
import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from sqlalchemy import Connection

from outbox.access import ROLE_WORDS, Access, Role, Within
from outbox.audit_names import business_unit_id
from outbox.cli.author import name_of
from outbox.errors import ConfigurationError
from outbox.suggest import suggestion

_ROLES = "; ".join(f"{role}: {words}" for role, words in ROLE_WORDS.items())
RoleWord: TypeAlias = Annotated[str, typer.Option("--role", help=f"What for: {_ROLES}.", metavar="ROLE")]
Units: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--business-unit", help="Limited to this business unit, by id or name; may be given again.  [default: no limit]"
    ),
]
PasswordFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="File whose first line is the password; - reads standard input.  [default: asks for it]", allow_dash=True
    ),
]


def role_of(written: str) -> Role:
    """The role of that name; ConfigurationError with the nearest one."""
    if written not in set(Role):
        raise ConfigurationError(
            f"--role: unknown role {written!r}; {suggestion(written, [role.value for role in Role])}"
        )
    return Role(written)


def within_of(connection: Connection, written: list[str] | None) -> Within:
    """The business units' ids, None for no limit; ConfigurationError with every one that the source doesn't have."""
    if not written:
        return None
    found = [business_unit_id(connection, one) for one in written]
    faults = [
        f"--business-unit: expected a business unit of the source, got {one!r}; {unknown}"
        for one, (_, unknown) in zip(written, found, strict=True)
        if unknown is not None
    ]
    if faults:
        raise ConfigurationError(*faults)
    return tuple(sorted({unit for unit, _ in found}))


def limit_words(within: Within) -> str:
    """A limit for people."""
    return "all" if within is None else ", ".join(within)


def operator(by: str | None) -> Access:
    """Who gives the command, as records of access have them: whoever reaches the database this way may all."""
    return Access(name_of(by), Role.ADMIN, None, "command")


def new_password(file: Path | None) -> str:
    """A password, never from the command's own words, which others on the machine can read."""
    if file is not None:
        return _first_line(file)
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "--password-file: nobody is here to type a password; name a file, or - for standard input"
        )
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise ConfigurationError("the two passwords differ; nothing was done")
    return first


def _first_line(file: Path) -> str:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--password-file: expected a file that can be read, got: {error}") from None
    return text.partition("\n")[0].removesuffix("\r")
