"""The options of `connectors add` and `edit`, and how what was typed becomes a connector's input."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import typer

from outbox.connector import TRIGGER_WORDS, ConnectorSpec
from outbox.connector_input import LITERAL
from outbox.errors import ConfigurationError
from outbox.suggest import suggestion

OPTIONS = {
    "business_units": "--business-unit",
    "triggers": "--trigger",
    "secret": "--secret-env, --secret-file",
    "signing_secret": "--signing-secret-env, --signing-secret-file",
    "company_fields": "--company-field",
    "field_mapping": "--map",
    "timeout_seconds": "--timeout",
    "rate_per_second": "--rate",
    "headers": "--header, --header-env",
    "name": "name",
}
"""What a key of a connector is called on the command line, where it is not --key."""
_TYPED = "expected a secret value in a variable, by --header-env, got it typed; keep secrets out of sight"
CLEARABLE = tuple(key for key, known in ConnectorSpec.model_fields.items() if not known.is_required())

Text: TypeAlias = str | None
Texts: TypeAlias = list[str] | None
Units: TypeAlias = Annotated[
    Texts,
    typer.Option(
        "--business-unit", metavar="UNIT", help="Business unit by id or unambiguous name, * for all; several times."
    ),
]
Triggers: TypeAlias = Annotated[
    Texts,
    typer.Option(
        "--trigger",
        metavar="TRIGGER",
        help="What to report; several times. " + "; ".join(f"{one}: {words}" for one, words in TRIGGER_WORDS.items()),
    ),
]
Url: TypeAlias = Annotated[Text, typer.Option("--url", help="Payload URL: each report is a POST to it.")]
ContentTypeWord: TypeAlias = Annotated[
    Text,
    typer.Option(
        "--content-type", help="application/json or application/x-www-form-urlencoded.  [default: application/json]"
    ),
]
Username: TypeAlias = Annotated[
    Text, typer.Option("--username", help="User name of basic authentication.  [default: webhook]")
]
SecretEnv: TypeAlias = Annotated[
    Text,
    typer.Option(
        "--secret-env",
        metavar="VARIABLE",
        help="Variable that holds the secret: used to authorize the Webhook call using basic authentication.",
    ),
]
SecretFile: TypeAlias = Annotated[
    Text, typer.Option("--secret-file", metavar="FILE", help="File that holds the secret.")
]
SslVerification: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--ssl-verification/--no-ssl-verification", help="Enable or disable SSL verification.  [default: enabled]"
    ),
]
DataWord: TypeAlias = Annotated[
    Text,
    typer.Option(
        "--data",
        help="Data to Receive: everything (Send me everything) or status (Only Update Status).  [default: everything]",
    ),
]
CompanyFields: TypeAlias = Annotated[
    Texts, typer.Option("--company-field", metavar="FIELD", help="Extra field of the company to report; several times.")
]
MappingLines: TypeAlias = Annotated[
    Texts,
    typer.Option(
        "--map",
        metavar="FIELD=PROPERTY",
        help="Contract field and the property of the report that gets it; several times.",
    ),
]
FormStyleWord: TypeAlias = Annotated[
    Text,
    typer.Option(
        "--form-style",
        help="How a form carries the report: fields, or payload (JSON in one parameter).  [default: fields]",
    ),
]
OrderWord: TypeAlias = Annotated[
    Text, typer.Option("--order", help="contract (each contract's reports in order) or none.  [default: contract]")
]
MaxInFlight: TypeAlias = Annotated[
    int | None,
    typer.Option("--max-in-flight", help="Most reports on their way to it at once, 1 to 1000.  [default: 8]"),
]
Timeout: TypeAlias = Annotated[
    float | None, typer.Option("--timeout", help="Seconds for one whole exchange, up to 300.  [default: 15]")
]
Rate: TypeAlias = Annotated[
    float | None, typer.Option("--rate", help="Most reports a second to it, over all workers.  [default: no limit]")
]
Schedule: TypeAlias = Annotated[
    Text,
    typer.Option(
        "--schedule",
        help="Pauses before the retries, such as 5s,1m,5m; '' for a single attempt.  [default: the service's]",
    ),
]
Headers: TypeAlias = Annotated[
    Texts, typer.Option("--header", metavar="'NAME: VALUE'", help="A header to send; several times.")
]
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
Enabled: TypeAlias = Annotated[
    bool | None, typer.Option("--enabled/--disabled", help="Whether it sends.  [default: enabled]")
]
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


def by_option(fault: str, label: str) -> str:
    """A fault of the connector `label`, told of the option that was typed."""
    key, colon, words = fault.removeprefix(f"{label}: ").partition(": ")
    known = key.partition(".")[0]
    if not colon or known not in ConnectorSpec.model_fields:
        return fault
    words = words.replace("; add the key", "; give it").replace("leave the key out", "leave the option out")
    words = words.replace(f"{LITERAL}, got a value; keep secrets out of the file", _TYPED)
    if known == "headers" and "." in key:
        return f"--header {key.partition('.')[2]}: {words}"
    return f"{OPTIONS.get(known, '--' + known.replace('_', '-'))}: {words}"


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
