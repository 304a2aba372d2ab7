"""The options of `connectors add` and `edit`, and how what was typed becomes a connector's input."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import typer

from outbox.connector import ConnectorSpec
from outbox.errors import ConfigurationError
from outbox.suggest import suggestion

CLEARABLE = tuple(key for key, known in ConnectorSpec.model_fields.items() if not known.is_required())

Text: TypeAlias = str | None
Texts: TypeAlias = list[str] | None
Units: TypeAlias = Annotated[
    Texts, typer.Option("--business-unit", help="Business unit by id or unambiguous name, * for all; several times.")
]
Triggers: TypeAlias = Annotated[
    Texts, typer.Option("--trigger", help="create, update, send, review or expired; several times.")
]
Url: TypeAlias = Annotated[Text, typer.Option("--url", help="Payload URL.")]
ContentTypeWord: TypeAlias = Annotated[
    Text, typer.Option("--content-type", help="application/json (default) or application/x-www-form-urlencoded.")
]
Username: TypeAlias = Annotated[Text, typer.Option("--username", help="User name of basic authentication.")]
SecretEnv: TypeAlias = Annotated[
    Text, typer.Option("--secret-env", metavar="VARIABLE", help="Variable that holds the secret (basic auth).")
]
SecretFile: TypeAlias = Annotated[
    Text, typer.Option("--secret-file", metavar="FILE", help="File that holds the secret.")
]
SslVerification: TypeAlias = Annotated[
    bool | None, typer.Option("--ssl-verification/--no-ssl-verification", help="Enable or disable SSL verification.")
]
DataWord: TypeAlias = Annotated[Text, typer.Option("--data", help="Data to receive: everything (default) or status.")]
CompanyFields: TypeAlias = Annotated[Texts, typer.Option("--company-field", help="Company extra field; several times.")]
MappingLines: TypeAlias = Annotated[
    Texts,
    typer.Option("--map", metavar="FIELD=PROPERTY", help="Contract field and property of the report; several times."),
]
FormStyleWord: TypeAlias = Annotated[Text, typer.Option("--form-style", help="fields (default) or payload.")]
OrderWord: TypeAlias = Annotated[Text, typer.Option("--order", help="contract (default) or none.")]
MaxInFlight: TypeAlias = Annotated[int | None, typer.Option("--max-in-flight", help="Most deliveries at once.")]
Rate: TypeAlias = Annotated[float | None, typer.Option("--rate", help="Most deliveries a second.")]
Timeout: TypeAlias = Annotated[float | None, typer.Option("--timeout", help="Seconds for one whole exchange.")]
Schedule: TypeAlias = Annotated[
    Text, typer.Option("--schedule", help="Pauses before the retries, such as 5s,1m,5m; '' for a single attempt.")
]
Headers: TypeAlias = Annotated[Texts, typer.Option("--header", help="'Name: value' to send; several times.")]
SecretHeaders: TypeAlias = Annotated[
    Texts,
    typer.Option("--header-env", metavar="NAME=VARIABLE", help="A secret header, in a variable; several times."),
]
SigningEnv: TypeAlias = Annotated[
    Text, typer.Option("--signing-secret-env", metavar="VARIABLE", help="Variable that holds the signing secret.")
]
SigningFile: TypeAlias = Annotated[
    Text, typer.Option("--signing-secret-file", metavar="FILE", help="File that holds the signing secret.")
]
Enabled: TypeAlias = Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it sends.")]
Rename: TypeAlias = Annotated[Text, typer.Option("--rename", help="Edit: its new name.")]
Clear: TypeAlias = Annotated[
    Texts, typer.Option("--clear", metavar="KEY", help="Edit: back to the default, such as secret; several times.")
]
DropOld: TypeAlias = Annotated[
    bool, typer.Option("--drop-old-signing-secret", help="Edit: end the rotation; only the new one signs.")
]


def asked_for(typed: Mapping[str, Any], *, adding: bool) -> dict[str, Any]:
    """The keys of a connector that were typed, by the names of the command's parameters.

    Raises ConfigurationError with everything that can't be read.
    """
    faults: list[str] = []
    asked = {key: typed[key] for key in ConnectorSpec.model_fields if typed.get(key) not in (None, [])}
    asked |= {"name": typed["rename"]} if typed["rename"] is not None else {}
    for key, option in (("secret", "secret"), ("signing_secret", "signing-secret")):
        if (reference := _reference(option, typed[f"{key}_env"], typed[f"{key}_file"], faults)) is not None:
            asked[key] = reference
    if "field_mapping" in asked:
        asked["field_mapping"] = _mapping(asked["field_mapping"], faults)
    if "schedule" in asked:
        asked["schedule"] = [pause.strip() for pause in asked["schedule"].split(",") if pause.strip()]
    if headers := _headers(typed["headers"] or [], typed["header_env"] or [], faults):
        asked["headers"] = headers
    faults += _clear_faults(typed["clear"] or [], asked)
    if adding and (typed["clear"] or typed["drop_old_signing_secret"] or typed["rename"] is not None):
        faults.append("connectors add: --rename, --clear and --drop-old-signing-secret are for edit; leave them out")
    if faults:
        raise ConfigurationError(*faults)
    return asked


def _clear_faults(cleared: list[str], asked: Mapping[str, Any]) -> list[str]:
    unknown = [key for key in cleared if key not in CLEARABLE]
    both = [key for key in cleared if key in asked]
    return [
        *(f"--clear: expected a key that has a default, got {key!r}; {suggestion(key, CLEARABLE)}" for key in unknown),
        *(f"--clear {key}: expected it alone, got a new value beside it; leave one out" for key in both),
    ]


def _reference(option: str, env: str | None, file: str | None, faults: list[str]) -> dict[str, str] | None:
    if env is not None and file is not None:
        faults.append(f"--{option}-env, --{option}-file: expected one of them, got both; leave one out")
    if env is not None:
        return {"env": env}
    return None if file is None else {"file": file}


def _mapping(lines: list[str], faults: list[str]) -> list[dict[str, str]]:
    mapping = []
    for line in lines:
        field, equals, target = line.partition("=")
        if not equals:
            faults.append(f"--map: expected FIELD=PROPERTY, got {line!r}")
        mapping.append({"field": field.strip(), "property": target.strip()})
    return mapping


def _headers(open_ones: list[str], secret_ones: list[str], faults: list[str]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for line in open_ones:
        name, colon, value = line.partition(":")
        if not colon:
            faults.append(f"--header: expected 'Name: value', got no colon after {name[:40]!r}")
        headers[name.strip()] = value.strip()
    for line in secret_ones:
        name, equals, variable = line.partition("=")
        if not equals:
            faults.append(f"--header-env: expected NAME=VARIABLE, got {line!r}")
        headers[name.strip()] = {"env": variable.strip()}
    return headers
