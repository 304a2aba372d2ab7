"""The commands outbox users: who may sign in to the dashboard."""

import sys
from typing import Annotated

import typer

from outbox.access_records import record_access
from outbox.answers import print_json
from outbox.cli.author import As
from outbox.cli.context import confirm, engine_of
from outbox.cli.forms import PageFormatWord, wants_json
from outbox.cli.person_options import (
    PasswordFile,
    RoleWord,
    Units,
    limit_words,
    new_password,
    operator,
    role_of,
    within_of,
)
from outbox.cli.sentences import SentencesGroup
from outbox.cli.tables import Column, Shape, print_table
from outbox.doctor.ground import counted
from outbox.errors import ConfigurationError
from outbox.people import Person, add_person, people, user_words
from outbox.people_edits import find_person, remove_person, set_password

app = typer.Typer(
    name="users",
    cls=SentencesGroup,
    help="Who may sign in to the dashboard.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
_COLUMNS = ("name", "role", "business_units", "created_at", "created_by", "password_changed_at", "signed_in_at")
_SHAPE = Shape(
    "users",
    (
        Column("name", "name", folds=True),
        Column("role", "role"),
        Column("business units", lambda row: limit_words(row["business_units"]), folds=True),
        Column("added at (UTC)", "created_at"),
        Column("by", "created_by"),
        Column("signed in at (UTC)", "signed_in_at"),
    ),
)


@app.command("add")
def _add(
    context: typer.Context,
    name: Name,
    *,
    role: RoleWord = "viewer",
    units: Units = None,
    password_file: PasswordFile = None,
    by: As = None,
) -> None:
    """Add somebody who may sign in; asks for the password twice."""
    chosen, who = role_of(role), operator(by)
    with engine_of(context) as engine:
        with engine.connect() as connection:
            within = within_of(connection, units)
            if find_person(connection, name) is not None:
                raise ConfigurationError(f"name: expected a new name, got {name!r}, which somebody has; choose another")
        password = new_password(password_file)
        with engine.begin() as connection:
            add_person(connection, name=name, role=chosen, within=within, password=password, created_by=who.who)
            kept = None if within is None else list(within)
            record_access(connection, who, "added", user_words(name), role=chosen.value, business_units=kept)
    typer.echo(f"{name} may sign in: {chosen.value}, business units: {limit_words(within)}")


@app.command("list")
def _list(context: typer.Context, *, form: PageFormatWord = None) -> None:
    """List who may sign in."""
    as_json = wants_json(form, as_json=False)
    with engine_of(context) as engine, engine.connect() as connection:
        rows = [
            {
                "name": one.person.name,
                "role": one.person.role.value,
                "business_units": one.person.within,
                "created_at": one.created_at,
                "created_by": one.created_by,
                "password_changed_at": one.password_changed_at,
                "signed_in_at": one.signed_in_at,
            }
            for one in people(connection)
        ]
    if as_json:
        print_json(rows, _COLUMNS, sys.stdout)
    else:
        print_table(rows, _SHAPE, sys.stdout)


@app.command("remove")
def _remove(
    context: typer.Context,
    name: Name,
    *,
    by: As = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
) -> None:
    """Remove somebody, who is signed out at once; what they did stays on record."""
    with engine_of(context) as engine:
        with engine.connect() as connection:
            person = _known(find_person(connection, name), name)
        confirm(f"Remove {person.name}?", yes=yes)
        with engine.begin() as connection:
            remove_person(connection, person)
            record_access(connection, operator(by), "removed", user_words(person.name))
    typer.echo(f"{person.name} may sign in no more")


@app.command("passwd")
def _passwd(context: typer.Context, name: Name, *, password_file: PasswordFile = None, by: As = None) -> None:
    """Give somebody a new password, and sign them out everywhere."""
    with engine_of(context) as engine:
        with engine.connect() as connection:
            person = _known(find_person(connection, name), name)
        password = new_password(password_file)
        with engine.begin() as connection:
            ended = set_password(connection, person, password)
            record_access(connection, operator(by), "changed the password of", user_words(person.name))
    typer.echo(f"{person.name} has a new password; {counted(ended, 'session')} ended")


def _known(person: Person | None, name: str) -> Person:
    if person is None:
        raise ConfigurationError(f"name: expected the name of a user, got {name!r}; `outbox users list` has them")
    return person
