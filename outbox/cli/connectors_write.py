"""Commands that write a connector: add, edit. One signature for both, for their options are the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from outbox.cli import connector_options as options
from outbox.cli.author import As, author_of
from outbox.cli.connector_options import asked_for, by_option
from outbox.cli.connectors_code import AllowUnknown
from outbox.cli.context import box_of, engine_of, settings_of
from outbox.connector import KEPT, ConnectorSpec
from outbox.connector_change import SECRETS
from outbox.connector_edits import create_connector, edit_connector
from outbox.connector_input import read_connector
from outbox.connectors import StandingConnector, find_connector
from outbox.errors import ConfigurationError
from outbox.settings import read_variable
from outbox.source_names import check_connector, read_source_names


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command("add", help="Add a connector.")(_write)
    app.command(
        "edit",
        help="Change a connector: what is given replaces what was, all else stays; --clear goes back to defaults.",
    )(_write)


def _write(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the connector.")],
    *,
    business_units: options.Units = None,
    triggers: options.Triggers = None,
    url: options.Url = None,
    content_type: options.ContentTypeWord = None,
    username: options.Username = None,
    secret_env: options.SecretEnv = None,
    secret_file: options.SecretFile = None,
    ssl_verification: options.SslVerification = None,
    data: options.DataWord = None,
    company_fields: options.CompanyFields = None,
    field_mapping: options.MappingLines = None,
    form_style: options.FormStyleWord = None,
    order: options.OrderWord = None,
    max_in_flight: options.MaxInFlight = None,
    rate_per_second: options.Rate = None,
    timeout_seconds: options.Timeout = None,
    schedule: options.Schedule = None,
    headers: options.Headers = None,
    header_env: options.SecretHeaders = None,
    signing_secret_env: options.SigningEnv = None,
    signing_secret_file: options.SigningFile = None,
    enabled: options.Enabled = None,
    rename: options.Rename = None,
    clear: options.Clear = None,
    drop_old_signing_secret: options.DropOld = False,
    allow_unknown: AllowUnknown = False,
    by: As = None,
) -> None:
    typed = {key: value for key, value in locals().items() if key not in ("context", "name")}
    adding = context.info_name == "add"
    asked = asked_for(typed, adding=adding)
    if adding:
        _add(context, {**asked, "name": name}, allow_unknown=allow_unknown, by=by)
    else:
        _edit(context, name, asked, clear or [], drop_old=drop_old_signing_secret, allow_unknown=allow_unknown, by=by)


def _add(context: typer.Context, asked: dict[str, Any], *, allow_unknown: bool, by: str | None) -> None:
    author, box = author_of(by), box_of(context)
    with engine_of(context) as engine, engine.begin() as connection:
        networks = settings_of(context).sender.allow_networks
        spec = _checked(connection, asked, standing=None, allow_unknown=allow_unknown, networks=networks)
        create_connector(connection, spec, box=box, author=author)
    typer.echo(f"connector {spec.name!r} is added")


def _edit(
    context: typer.Context,
    name: str,
    asked: dict[str, Any],
    cleared: list[str],
    *,
    drop_old: bool,
    allow_unknown: bool,
    by: str | None,
) -> None:
    author, box = author_of(by), box_of(context)
    with engine_of(context) as engine, engine.begin() as connection:
        standing = find_connector(connection, box, name)
        kept = {key: value for key, value in _as_written(standing.spec).items() if key not in cleared}
        values, networks = {**kept, **asked}, settings_of(context).sender.allow_networks
        spec = _checked(connection, values, standing=standing, allow_unknown=allow_unknown, networks=networks)
        found = edit_connector(connection, standing, spec, box=box, author=author, drop_old_signing_secret=drop_old)
    for change in found:
        typer.echo(f"{change.key}: {change.words}")
    typer.echo(f"connector {spec.name!r} is {'changed' if found else 'what it was; nothing to do'}")


def _as_written(spec: ConnectorSpec) -> dict[str, Any]:
    """What stands, as input: secrets as kept; `enabled` is left alone unless it is given."""
    written = {key: getattr(spec, key) for key in ConnectorSpec.model_fields if key != "enabled"}
    written |= {key: None if written[key] is None else KEPT for key in SECRETS}
    written["headers"] = {name: value if isinstance(value, str) else KEPT for name, value in spec.headers.items()}
    return written


def _checked(
    connection: Connection,
    values: dict[str, Any],
    *,
    standing: StandingConnector | None,
    allow_unknown: bool,
    networks: Sequence[str],
) -> ConnectorSpec:
    """The spec, held against the rules and the source; warnings are said, faults raised, all of them."""
    label = f"connector {values['name']!r}"
    try:
        written = read_connector(values, label=label, folder=Path(), read_variable=read_variable)
    except ConfigurationError as error:
        raise ConfigurationError(*(by_option(fault, label) for fault in error.faults)) from None
    units = standing.spec.business_units if standing else ()
    source = read_source_names(connection)
    checked = check_connector(
        connection, written.spec, source, standing_units=units, allow_unknown=allow_unknown, allow_networks=networks
    )
    faults = [f"{label}: {key}: {words}; set it" for key, words in written.missing.items()]
    faults += [f"{label}: {fault}" for fault in checked.faults]
    if faults:
        raise ConfigurationError(*(by_option(fault, label) for fault in faults))
    for warning in checked.warnings:
        typer.echo(f"note: {warning}", err=True)
    return checked.spec
