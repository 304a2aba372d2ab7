"""The command `outbox`: reads its words, calls one module, prints, and turns errors into exit codes."""

import sys
from collections.abc import Sequence

from rich.console import Console
from sqlalchemy.exc import DBAPIError

from outbox.cli.app import app
from outbox.db import first_line, unreached
from outbox.errors import OutboxError

WELL, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits: 0 well, 1 the work failed, 2 wrong usage or configuration."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
    try:
        app(list(arguments), prog_name="outbox")
    except OutboxError as error:
        for line in str(error).splitlines():
            console.print(f"outbox: {line}")
        return error.exit_code
    except DBAPIError as error:
        answered = f"the database answered: {first_line(error) or type(error.orig).__name__}"
        console.print(f"outbox: {unreached(error) or answered}")
        return FAILED
    except SystemExit as end:  # typer ends every command so, wrong words too, which it explains itself
        return end.code if isinstance(end.code, int) else WELL
    return WELL
