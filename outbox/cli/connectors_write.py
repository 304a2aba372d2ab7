"""Commands that write a connector: add, edit. One signature for both, for their options are the same."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from outbox.cli.author import As, author_of
from outbox.cli.connectors_code import AllowUnknown
from outbox.cli.context import box_of, engine_of
from outbox.connector import KEPT, ConnectorSpec
from outbox.connector_change import SECRETS
from outbox.connector_check import check
from outbox.connector_edits import create_connector, edit_connector
from outbox.connector_input import read_connector
from outbox.connectors import StandingConnector, find_connector
from outbox.errors import ConfigurationError
from outbox.settings import read_variable
from outbox.source_names import read_source_names
from outbox.suggest import suggestion

CLEARABLE = tuple(key for key, known in ConnectorSpec.model_fields.items() if not known.is_required())


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
    business_unit: Annotated[
        list[str] | None, typer.Option(help="Business unit by id or unambiguous name, * for all; several times.")
    ] = None,
    trigger: Annotated[
        list[str] | None, typer.Option(help="create, update, send, review or expired; several times.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Payload URL.")] = None,
    content_type: Annotated[
        str | None, typer.Option(help="application/json (default) or application/x-www-form-urlencoded.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="User name of basic authentication.")] = None,
    secret_env: Annotated[str | None, typer.Option(help="Variable that holds the secret (basic auth).")] = None,
    secret_file: Annotated[str | None, typer.Option(help="File that holds the secret.")] = None,
    ssl_verification: Annotated[bool | None, typer.Option(help="Enable or disable SSL verification.")] = None,
    data: Annotated[str | None, typer.Option(help="Data to receive: everything (default) or status.")] = None,
    company_field: Annotated[list[str] | None, typer.Option(help="Company extra field; several times.")] = None,
    field_mapping: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=PROPERTY of the report; several times.")
    ] = None,
    form_style: Annotated[str | None, typer.Option(help="fields (default) or payload.")] = None,
    order: Annotated[str | None, typer.Option(help="contract (default) or none.")] = None,
    max_in_flight: Annotated[int | None, typer.Option(help="Most deliveries at once.")] = None,
    timeout_seconds: Annotated[float | None, typer.Option("--timeout", help="Seconds for one whole exchange.")] = None,
    schedule: Annotated[str | None, typer.Option(help="Pauses before retries, such as 5s,1m,5m.")] = None,
    header: Annotated[list[str] | None, typer.Option(help="'Name: value' to send; several times.")] = None,
    header_env: Annotated[
        list[str] | None, typer.Option(help="NAME=VARIABLE: a secret header, its value in a variable; several times.")
    ] = None,
    signing_secret_env: Annotated[str | None, typer.Option(help="Variable that holds the signing secret.")] = None,
    signing_secret_file: Annotated[str | None, typer.Option(help="File that holds the signing secret.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it sends.")] = None,
    new_name: Annotated[str | None, typer.Option("--rename", help="Edit: its new name.")] = None,
    clear: Annotated[list[str] | None, typer.Option(help="Edit: back to the default, such as secret.")] = None,
    drop_old_signing_secret: Annotated[
        bool, typer.Option("--drop-old-signing-secret", help="Edit: end the rotation; only the new one signs.")
    ] = False,
    allow_unknown: AllowUnknown = False,
    by: As = None,
) -> None:
    faults: list[str] = []
    given = {
        "name": new_name,
        "business_units": business_unit,
        "triggers": trigger,
        "url": url,
        "content_type": content_type,
        "username": username,
        "secret": _reference("secret", secret_env, secret_file, faults),
        "ssl_verification": ssl_verification,
        "data": data,
        "company_fields": company_field,
        "field_mapping": _mapping(field_mapping, faults),
        "form_style": form_style,
        "order": order,
        "max_in_flight": max_in_flight,
        "timeout_seconds": timeout_seconds,
        "schedule": None if schedule is None else [pause.strip() for pause in schedule.split(",") if pause.strip()],
        "headers": _headers(header, header_env, faults),
        "signing_secret": _reference("signing-secret", signing_secret_env, signing_secret_file, faults),
        "enabled": enabled,
    }
    asked = {key: value for key, value in given.items() if value not in (None, [])}
    cleared = clear or []
    faults += [
        f"--clear: expected a key with a default, got {key!r}; {suggestion(key, CLEARABLE)}"
        for key in cleared
        if key not in CLEARABLE
    ]
    faults += [f"--clear {key}: expected it alone, got a new value beside it" for key in cleared if key in asked]
    if context.info_name == "add" and (cleared or drop_old_signing_secret or new_name is not None):
        faults.append("connectors add: --rename, --clear and --drop-old-signing-secret are for edit; leave them out")
    if faults:
        raise ConfigurationError(*faults)
    if context.info_name == "add":
        _add(context, {**asked, "name": name}, allow_unknown=allow_unknown, by=by)
    else:
        _edit(context, name, asked, cleared, drop_old=drop_old_signing_secret, allow_unknown=allow_unknown, by=by)


def _add(context: typer.Context, asked: dict[str, Any], *, allow_unknown: bool, by: str | None) -> None:
    author, box = author_of(by), box_of(context)
    with engine_of(context) as engine, engine.begin() as connection:
        spec = _checked(connection, asked, standing=None, allow_unknown=allow_unknown)
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
        spec = _checked(connection, {**kept, **asked}, standing=standing, allow_unknown=allow_unknown)
        found = edit_connector(connection, standing, spec, box=box, author=author, drop_old_signing_secret=drop_old)
    for change in found:
        typer.echo(f"{change.key}: {change.before} -> {change.after}")
    typer.echo(f"connector {spec.name!r} is {'changed' if found else 'what it was; nothing to do'}")


def _as_written(spec: ConnectorSpec) -> dict[str, Any]:
    """What stands, as input: secrets as kept; `enabled` is left alone unless it is given."""
    written = {key: getattr(spec, key) for key in ConnectorSpec.model_fields if key != "enabled"}
    written |= {key: None if written[key] is None else KEPT for key in SECRETS}
    written["headers"] = {name: value if isinstance(value, str) else KEPT for name, value in spec.headers.items()}
    return written


def _checked(
    connection: Connection, values: dict[str, Any], *, standing: StandingConnector | None, allow_unknown: bool
) -> ConnectorSpec:
    """The spec, held against the rules and the source; warnings are said, faults raised, all of them."""
    label = f"connector {values['name']!r}"
    written = read_connector(values, label=label, folder=Path(), read_variable=read_variable)
    units = standing.spec.business_units if standing else ()
    checked = check(written.spec, read_source_names(connection), standing_units=units, allow_unknown=allow_unknown)
    faults = [f"{label}: {key}: {words}; set it" for key, words in written.missing.items()]
    faults += [f"{label}: {fault}" for fault in checked.faults]
    if faults:
        raise ConfigurationError(*faults)
    for warning in checked.warnings:
        typer.echo(f"note: {warning}", err=True)
    return checked.spec


def _reference(option: str, env: str | None, file: str | None, faults: list[str]) -> dict[str, str] | None:
    if env is not None and file is not None:
        faults.append(f"--{option}-env, --{option}-file: expected one of them, got both")
    if env is not None:
        return {"env": env}
    return None if file is None else {"file": file}


def _mapping(lines: list[str] | None, faults: list[str]) -> list[dict[str, str]]:
    mapping = []
    for line in lines or []:
        field, equals, target = line.partition("=")
        if not equals:
            faults.append(f"--map: expected FIELD=PROPERTY, got {line!r}")
        mapping.append({"field": field.strip(), "property": target.strip()})
    return mapping


def _headers(open_ones: list[str] | None, secret_ones: list[str] | None, faults: list[str]) -> dict[str, Any] | None:
    headers: dict[str, Any] = {}
    for line in open_ones or []:
        name, colon, value = line.partition(":")
        if not colon:
            faults.append(f"--header: expected 'Name: value', got no colon after {name[:40]!r}")
        headers[name.strip()] = value.strip()
    for line in secret_ones or []:
        name, equals, variable = line.partition("=")
        if not equals:
            faults.append(f"--header-env: expected NAME=VARIABLE, got {line!r}")
        headers[name.strip()] = {"env": variable.strip()}
    return headers or None
