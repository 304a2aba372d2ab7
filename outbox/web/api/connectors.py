"""Connectors: listed, read, made, replaced, patched, removed."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from outbox import connector_acts, connector_edits
from outbox.connector_check import Checked
from outbox.connectors import StandingConnector
from outbox.errors import ConfigurationError, RefusedError
from outbox.model import ALL_BUSINESS_UNITS, Trigger
from outbox.web.api.bodies import MERGE_PATCH, Body, reading, takes
from outbox.web.api.caller import Caller, Configuring, Looking
from outbox.web.api.connector_answers import connector_answer, found, shown, visible
from outbox.web.api.connector_bodies import (
    ConnectorAnswer,
    ConnectorBody,
    ConnectorList,
    ConnectorMade,
    ConnectorPatch,
    Removed,
)
from outbox.web.api.connector_changes import (
    etag,
    names,
    new_spec,
    patched_spec,
    replaced_spec,
    require_match,
    require_own,
)
from outbox.web.api.exact import ExactResponse
from outbox.web.api.pages import Asking, Paging, cut, link_header, page_of, read
from outbox.web.api.problems import Answers, ProblemError, answers

router = APIRouter(prefix="/connectors", tags=["connectors"])

MOST_ID = 2**31 - 1
ConnectorId = Annotated[int, Path(ge=1, le=MOST_ID, description="Number of the connector.", examples=[1])]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of the version that you read; * for any. Without it: 428."),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="The ETag that you have: 304 while it is the present one.")
]
_TAG: dict[str, Any] = {
    "ETag": {"description": "Names this version.", "required": True, "schema": {"type": "string", "pattern": '^".*"$'}}
}
CHANGED: Answers = {200: {"description": "As it stands now.", "headers": _TAG}}


class ConnectorFilter(Paging):
    """Which connectors: all that is given must hold."""

    business_unit: Annotated[str | None, Field(description="Id of a business unit that it reports for.")] = None
    trigger: Annotated[Trigger | None, Field(description="A trigger that it hears of.")] = None
    state: Annotated[Literal["enabled", "held", "disabled"] | None, Field(description="How it stands.")] = None
    name: Annotated[str | None, Field(description="Its name.")] = None

    def finds(self, one: StandingConnector, caller: Caller) -> bool:
        """Whether it is one of those asked for."""
        unit, units = self.business_unit, one.spec.business_units
        return (
            (self.name is None or one.spec.name == self.name)
            and (self.state is None or one.state == self.state)
            and (self.trigger is None or self.trigger in one.spec.triggers)
            and (unit is None or (caller.access.sees(unit) and (unit in units or ALL_BUSINESS_UNITS in units)))
        )


class Unknown(Asking):
    """How business units are taken."""

    allow_unknown: Annotated[
        bool, Field(description="Takes a business unit that the source doesn't have as an id that will come.")
    ] = False


@router.get(
    "",
    response_model=ConnectorList,
    responses={200: {"description": "A page of connectors.", "headers": link_header()}, **answers()},
)
def list_connectors(request: Request, caller: Looking, asked: Annotated[ConnectorFilter, Query()]) -> Response:
    """Connectors that are not removed, by name."""
    after = read(asked.cursor, str)
    with caller.site.reading() as connection:
        stand = [one for one in visible(connection, caller.site.box, caller.access) if asked.finds(one, caller)]
    stand = [one for one in stand if after is None or one.spec.name > after[0]]
    page, goes_on = cut(sorted(stand, key=lambda one: one.spec.name), asked.limit, lambda one: [one.spec.name])
    return page_of(request, "connectors", [shown(one, caller.access) for one in page], goes_on)


@router.post(
    "",
    status_code=201,
    response_model=ConnectorMade,
    responses={
        201: {
            "description": "The connector that was made.",
            "headers": _TAG | {"Location": {"description": "Its URL.", "required": True, "schema": {"type": "string"}}},
        },
        **answers(400, 409, 413, 415),
    },
    openapi_extra=takes(ConnectorBody),
)
def create_connector(
    caller: Configuring,
    asked: Annotated[Unknown, Query()],
    body: Annotated[ConnectorBody, Depends(reading(ConnectorBody))],
) -> Response:
    """Makes a connector: 409 where one has the name."""
    with caller.site.writing() as connection:
        checked = new_spec(caller, connection, body, allow_unknown=asked.allow_unknown)
        try:
            made = connector_edits.create_connector(connection, checked.spec, box=caller.site.box, author=caller.author)
        except ConfigurationError as error:
            raise ProblemError(409, str(error)) from None
        caller.record(connection, "created", f"connector {checked.spec.name!r}", checked.spec.business_units, id=made)
        standing = found(connection, caller, made)
    return connector_answer(standing, caller.access, status=201, warnings=checked.warnings)


@router.get(
    "/{connector_id}",
    response_model=ConnectorAnswer,
    responses={
        200: {"description": "The connector.", "headers": _TAG},
        304: {"description": "It is what you have."},
        **answers(404),
    },
)
def get_connector(caller: Looking, connector_id: ConnectorId, none_match: IfNoneMatch = None) -> Response:
    """One connector, its version as ETag."""
    with caller.site.reading() as connection:
        standing = found(connection, caller, connector_id)
    if none_match is not None and names(none_match.replace("W/", ""), standing):
        return Response(status_code=304, headers={"ETag": etag(standing)})
    return connector_answer(standing, caller.access)


@router.put(
    "/{connector_id}",
    response_model=ConnectorMade,
    responses=CHANGED | answers(400, 404, 409, 412, 413, 415, 428),
    openapi_extra=takes(ConnectorBody),
)
def replace_connector(
    request: Request,
    caller: Configuring,
    *,
    connector_id: ConnectorId,
    asked: Annotated[Unknown, Query()],
    body: Annotated[ConnectorBody, Depends(reading(ConnectorBody))],
    match: IfMatch = None,
) -> Response:
    """Makes it what the body says; a secret that is left out is kept, all else that is left out has its default."""
    del match  # for the document; read by `_mine`
    with caller.site.writing() as connection:
        standing = _mine(connection, request, caller, connector_id)
        checked = replaced_spec(caller, connection, body, standing, allow_unknown=asked.allow_unknown)
        return _edited(connection, caller, standing, checked)


@router.patch(
    "/{connector_id}",
    response_model=ConnectorMade,
    responses=CHANGED | answers(400, 404, 409, 412, 413, 415, 428),
    openapi_extra=takes(ConnectorPatch, MERGE_PATCH),
)
def patch_connector(
    request: Request,
    caller: Configuring,
    *,
    connector_id: ConnectorId,
    asked: Annotated[Unknown, Query()],
    body: Annotated[Body, Depends(reading(ConnectorPatch, MERGE_PATCH))],
    match: IfMatch = None,
) -> Response:
    """Changes what the body names (JSON Merge Patch): null goes back to the default, of a secret to none."""
    del match
    with caller.site.writing() as connection:
        standing = _mine(connection, request, caller, connector_id)
        checked = patched_spec(caller, connection, body, standing, allow_unknown=asked.allow_unknown)
        return _edited(connection, caller, standing, checked)


@router.delete(
    "/{connector_id}",
    response_model=Removed,
    responses={200: {"description": "It is removed."}, **answers(404, 412, 428)},
)
def remove_connector(
    request: Request, caller: Configuring, connector_id: ConnectorId, match: IfMatch = None
) -> Response:
    """Removes it for good and cancels what waits for it. Its history stays, its secrets don't."""
    del match
    with caller.site.reading() as connection:
        standing = _mine(connection, request, caller, connector_id)
    try:
        emptied = connector_acts.remove(caller.site.engine, standing, author=caller.author)
    except RefusedError as error:
        raise ProblemError(412, str(error)) from None
    with caller.site.writing() as connection:
        _record(connection, caller, "removed", standing, cancelled=emptied.cancelled)
    return ExactResponse({"cancelled": emptied.cancelled, "left": emptied.left})


def _mine(connection: Connection, request: Request, caller: Caller, connector_id: int) -> StandingConnector:
    """The connector, in the version that the call means, where it is the caller's to change."""
    standing = found(connection, caller, connector_id)
    require_own(caller.access, standing)
    require_match(request, standing)
    return standing


def _edited(connection: Connection, caller: Caller, standing: StandingConnector, checked: Checked) -> ExactResponse:
    try:
        changed = connector_edits.edit_connector(
            connection, standing, checked.spec, box=caller.site.box, author=caller.author
        )
    except RefusedError as error:
        raise ProblemError(412, str(error)) from None
    except ConfigurationError as error:
        raise ProblemError(409, str(error)) from None
    if changed:
        _record(connection, caller, "edited", standing, changed=[one.key for one in changed])
    after = found(connection, caller, standing.id)
    return connector_answer(after, caller.access, warnings=checked.warnings)


def _record(connection: Connection, caller: Caller, act: str, standing: StandingConnector, **detail: object) -> None:
    units = standing.spec.business_units
    caller.record(connection, act, f"connector {standing.spec.name!r}", units, id=standing.id, **detail)
