"""Connectors as a caller may see them: found by id, their other business units left out, no secret."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from outbox.access import Access
from outbox.connector import ConnectorSpec
from outbox.connectors import StandingConnector, standing_connectors
from outbox.model import ALL_BUSINESS_UNITS
from outbox.secret_box import SecretBox
from outbox.web.api.caller import Caller
from outbox.web.api.connector_bodies import ConnectorBody
from outbox.web.api.connector_changes import etag, shown_headers
from outbox.web.api.exact import ExactResponse
from outbox.web.errors import NotFoundError

NO_CONNECTOR: Final = "there is no such connector"
_AS_THEY_ARE = tuple(
    key for key in ConnectorBody.model_fields if key not in ("secret", "signing_secret", "headers", "enabled")
)


def visible(connection: Connection, box: SecretBox, access: Access) -> list[StandingConnector]:
    """The connectors that the caller may see, by name."""
    return [one for one in standing_connectors(connection, box) if access.sees_connector(one.spec.business_units)]


def found(connection: Connection, caller: Caller, connector_id: int) -> StandingConnector:
    """The connector of this id; NotFoundError alike for one that isn't there and one that isn't the caller's."""
    for one in visible(connection, caller.site.box, caller.access):
        if one.id == connector_id:
            return one
    raise NotFoundError(NO_CONNECTOR)


def own_units(units: Sequence[str], access: Access) -> list[str]:
    """Those of a connector's business units that the caller may know of."""
    return [unit for unit in units if unit == ALL_BUSINESS_UNITS or access.sees(unit)]


def connector_answer(
    standing: StandingConnector, access: Access, *, status: int = 200, **more: object
) -> ExactResponse:
    """The answer with its ETag; `more` is what a change tells beside it."""
    headers = {"ETag": etag(standing)}
    if status == 201:  # noqa: PLR2004 (HTTP's own)
        headers["Location"] = f"/api/v1/connectors/{standing.id}"
    return ExactResponse(shown(standing, access) | more, status_code=status, headers=headers)


def shown(standing: StandingConnector, access: Access) -> dict[str, Any]:
    """It as ConnectorAnswer says. Why a shared one is held may quote what others were sent, so that is left out."""
    spec = standing.spec
    shared = not access.owns(spec.business_units)
    held = standing.held_reason if not shared else None
    return {
        "id": standing.id,
        "version": standing.version,
        "kind": "reporting",
        "type": "webhook",
        "state": standing.state,
        "state_reason": standing.disabled_reason or held,
        "state_since": standing.disabled_at or standing.held_at,
        "next_probe_at": standing.probe_at if standing.enabled else None,
        "shared": shared,
        "has_secret": spec.secret is not None,
        "has_signing_secret": spec.signing_secret is not None,
        "has_old_signing_secret": standing.old_signing_secret is not None,
        "enabled": standing.enabled,
        "discard": standing.discard,
        "origin": standing.origin,
        "created_at": standing.created_at,
        "updated_at": standing.updated_at,
        "updated_by": standing.changed_by,
        **_fields(spec),
        "business_units": own_units(spec.business_units, access),
    }


def _fields(spec: ConnectorSpec) -> Mapping[str, Any]:
    as_they_are = {key: getattr(spec, key) for key in _AS_THEY_ARE}
    mapping = [{"field": line.field, "property": line.property} for line in spec.field_mapping]
    return as_they_are | {"field_mapping": mapping, "headers": shown_headers(spec)}
