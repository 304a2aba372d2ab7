"""The commands outbox tokens: what opens the REST API."""

import sys
from typing import Annotated

import typer

from outbox.access_records import record_access
from outbox.answers import print_json
from outbox.api_tokens import make_token, revoke_token, token_words, tokens
from outbox.cli.author import As
from outbox.cli.context import confirm, engine_of
from outbox.cli.forms import PageFormatWord, wants_json
from outbox.cli.person_options import RoleWord, Units, limit_words, operator, role_of, within_of
from outbox.cli.sentences import SentencesGroup
from outbox.cli.tables import Column, Shape, print_table
from outbox.errors import ConfigurationError

app = typer.Typer(
    name="tokens",
    cls=SentencesGroup,
    help="What opens the REST API.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]
_COLUMNS = ("name", "hint", "role", "business_units", "created_at", "created_by", "expires_at", "expired", "used_at")
_SHAPE = Shape(
    "tokens",
    (
        Column("name", "name", folds=True),
        Column("begins", "hint"),
        Column("role", "role"),
        Column("business units", lambda row: limit_words(row["business_units"]), folds=True),
        Column("made at (UTC)", "created_at"),
        Column("by", "created_by"),
        Column("expires at (UTC)", "expires_at"),
        Column("used at (UTC)", "used_at"),
    ),
)


@app.command("create")
def _create(
    context: typer.Context,
    name: Name,
    *,
    role: RoleWord = "viewer",
    units: Units = None,
    days: Annotated[float | None, typer.Option(help="Expires after so many days.  [default: never]")] = None,
    by: As = None,
) -> None:
    """Make a token and print it, the only time: the database keeps its hash."""
    chosen, who = role_of(role), operator(by)
    with engine_of(context) as engine, engine.begin() as connection:
        within = within_of(connection, units)
        token = make_token(connection, name=name, role=chosen, within=within, days=days, created_by=who.who)
        kept = None if within is None else list(within)
        record_access(connection, who, "made", token_words(name), role=chosen.value, business_units=kept, days=days)
    typer.echo(token)
    typer.echo(f"{chosen.value}, business units: {limit_words(within)}; it is shown this once", err=True)


@app.command("list")
def _list(context: typer.Context, *, form: PageFormatWord = None) -> None:
    """List the tokens that are not revoked, by what they may, never themselves."""
    as_json = wants_json(form, as_json=False)
    with engine_of(context) as engine, engine.connect() as connection:
        rows = [
            {
                "name": one.name,
                "hint": one.hint,
                "role": one.role.value,
                "business_units": one.within,
                "created_at": one.created_at,
                "created_by": one.created_by,
                "expires_at": one.expires_at,
                "expired": one.expired,
                "used_at": one.used_at,
            }
            for one in tokens(connection)
        ]
    if as_json:
        print_json(rows, _COLUMNS, sys.stdout)
    else:
        print_table(rows, _SHAPE, sys.stdout)


@app.command("revoke")
def _revoke(
    context: typer.Context,
    name: Name,
    *,
    by: As = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
) -> None:
    """End a token for good, at once."""
    with engine_of(context) as engine:
        with engine.connect() as connection:
            known = next((one for one in tokens(connection) if one.name.lower() == name.lower()), None)
        if known is None:
            raise ConfigurationError(f"name: expected the name of a token, got {name!r}; `outbox tokens list` has them")
        confirm(f"Revoke {known.name} ({known.hint}...)?", yes=yes)
        with engine.begin() as connection:
            revoke_token(connection, known.id)
            record_access(connection, operator(by), "revoked", token_words(known.name))
    typer.echo(f"{known.name} opens nothing any more")
