"""A connector's change by a call: what it asks for as a spec, which version it means, and what becomes of secrets."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from pydantic import ValidationError
from sqlalchemy import Connection

from outbox import canonical
from outbox.access import Access
from outbox.connector import KEPT, ConnectorSpec
from outbox.connector_change import SECRETS
from outbox.connector_check import ALLOW_UNKNOWN, BusinessUnit, Checked, SourceNames
from outbox.connector_input import parse_spec
from outbox.connectors import StandingConnector
from outbox.errors import ConfigurationError
from outbox.model import ALL_BUSINESS_UNITS, Json
from outbox.source_names import check_connector, read_source_names
from outbox.toml_file import faults_of
from outbox.web.api.bodies import Body
from outbox.web.api.caller import Caller
from outbox.web.api.connector_bodies import ConnectorBody, SetHeader
from outbox.web.api.problems import ProblemError, fields_of
from outbox.web.errors import ForbiddenError

LABEL = "connector"


def etag(standing: StandingConnector) -> str:
    """What names this version of it."""
    return f'"{standing.version}"'


def require_match(request: Request, standing: StandingConnector) -> None:
    """Ends a change that doesn't say which version it means, or means another."""
    given = request.headers.get("If-Match")
    if given is None:
        raise ProblemError(
            428, f"expected If-Match with the ETag of what you read, got none; it is {etag(standing)} now"
        )
    if not names(given, standing):
        raise ProblemError(412, f"expected the present version, got If-Match: {given}; it is {etag(standing)} now")


def names(given: str, standing: StandingConnector) -> bool:
    """Whether a list of ETags names this version; a weak one names none."""
    return given.strip() == "*" or etag(standing) in (one.strip() for one in given.split(","))


def require_own(access: Access, standing: StandingConnector) -> None:
    """Ends a change of a connector that is others' too."""
    if not access.owns(standing.spec.business_units):
        raise ForbiddenError(
            f"connector {standing.spec.name!r} also reports business units that this token isn't for;"
            " ask somebody who is for all of them"
        )


def new_spec(caller: Caller, connection: Connection, body: ConnectorBody, *, allow_unknown: bool) -> Checked:
    """The spec of a connector that is to be made."""
    return _checked(caller, connection, _values(body, None), None, allow_unknown=allow_unknown)


def replaced_spec(
    caller: Caller, connection: Connection, body: ConnectorBody, standing: StandingConnector, *, allow_unknown: bool
) -> Checked:
    """The spec that stands instead of another: secrets that the body leaves out are kept."""
    return _checked(caller, connection, _values(body, standing), standing, allow_unknown=allow_unknown)


def patched_spec(
    caller: Caller, connection: Connection, patch: Body, standing: StandingConnector, *, allow_unknown: bool
) -> Checked:
    """What stands with a merge patch on it."""
    given = patch.model_dump(mode="json", exclude_unset=True)
    merged = merge(written(standing), given)
    cleared = [key for key in SECRETS if key in given and given[key] is None]
    try:
        body = ConnectorBody.model_validate_json(canonical.dumps(merged))
    except ValidationError as error:
        raise ProblemError(422, errors=fields_of(faults_of(error, "", ConnectorBody))) from None
    values = _values(body, standing) | dict.fromkeys(cleared)
    return _checked(caller, connection, values, standing, allow_unknown=allow_unknown)


def merge(target: Json, patch: Json) -> Json:
    """JSON Merge Patch, as RFC 7396 says it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def written(standing: StandingConnector) -> dict[str, Any]:
    """What stands as a body that would leave it so: without the secrets that are kept."""
    spec = standing.spec
    fields = spec.model_dump(mode="json", exclude={*SECRETS, "headers", "enabled"})
    return fields | {"headers": shown_headers(spec)}


def shown_headers(spec: ConnectorSpec) -> dict[str, Any]:
    """Headers as calls may see them."""
    return {name: value if isinstance(value, str) else {"secret": "set"} for name, value in spec.headers.items()}


def _values(body: ConnectorBody, standing: StandingConnector | None) -> dict[str, Any]:
    """The body as a spec's input, with what is kept in its place."""
    values: dict[str, Any] = {key: getattr(body, key) for key in ConnectorBody.model_fields if key != "headers"}
    values["field_mapping"] = [line.model_dump() for line in body.field_mapping]
    values["headers"] = _headers(body, standing)
    for key in SECRETS:
        if key not in body.model_fields_set:
            stands = standing is not None and getattr(standing.spec, key) is not None
            values[key] = KEPT if stands else None
    return values


def _headers(body: ConnectorBody, standing: StandingConnector | None) -> dict[str, object]:
    stand = {} if standing is None else standing.spec.headers
    secret = {name for name, value in stand.items() if not isinstance(value, str)}
    faults = [
        (f"headers.{name}", "expected a text, got {secret: set}; there is no secret value to keep")
        for name, value in body.headers.items()
        if isinstance(value, SetHeader) and name not in secret
    ]
    if faults:
        raise ProblemError(422, errors=faults)
    return {name: KEPT if isinstance(value, SetHeader) else value for name, value in body.headers.items()}


def _checked(
    caller: Caller,
    connection: Connection,
    values: Mapping[str, Any],
    standing: StandingConnector | None,
    *,
    allow_unknown: bool,
) -> Checked:
    """The spec, held against its rules and the source: raises ProblemError with every fault at its field."""
    try:
        spec = parse_spec(values, label=LABEL)
    except ConfigurationError as error:
        raise ProblemError(422, errors=fields_of(error.faults, LABEL)) from None
    within = caller.access.within
    if within is not None and allow_unknown:
        raise ForbiddenError("allow_unknown is for tokens that aren't limited to business units")
    if within is not None and ALL_BUSINESS_UNITS in spec.business_units:
        raise ForbiddenError(f"a connector of all business units is not for a token limited to {', '.join(within)}")
    checked = check_connector(
        connection,
        spec,
        own_names(read_source_names(connection), caller.access),
        standing_units=() if standing is None else standing.spec.business_units,
        allow_unknown=allow_unknown,
        allow_networks=caller.site.settings.sender.allow_networks,
    )
    if checked.faults:
        said = [
            fault.replace(ALLOW_UNKNOWN, "allow_unknown=true takes it as an id that will come")
            for fault in checked.faults
        ]
        raise ProblemError(422, errors=fields_of(said))
    return checked


def own_names(source: SourceNames, access: Access) -> SourceNames:
    """The source's names without the business units that the caller isn't for, so that no suggestion tells them."""
    units: Sequence[BusinessUnit] | None = source.business_units
    if access.within is None or units is None:
        return source
    return SourceNames(tuple(unit for unit in units if access.sees(unit.id)), source.triggers, source.contract_fields)
