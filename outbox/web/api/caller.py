"""Who calls: a bearer token, what it may, and how its deeds are put on record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection

from outbox.access import Access, Permission
from outbox.access_records import record_access
from outbox.api_tokens import find_token
from outbox.connector_edits import Author
from outbox.model import Json
from outbox.web.api.problems import NUL_WORDS, ProblemError
from outbox.web.errors import ForbiddenError, NotSignedInError
from outbox.web.site import Site
from outbox.web.visit import address_of, site_of

_BEARER = HTTPBearer(
    scheme_name="token", auto_error=False, description="A token that `outbox tokens create` or the Tokens page made."
)


@dataclass(frozen=True, slots=True)
class Caller:
    """One call: whose token it carries."""

    request: Request
    site: Site
    access: Access

    @property
    def author(self) -> Author:
        """The token as the author of a change to a connector."""
        return Author(self.access.who, "api")

    def record(
        self, connection: Connection, act: str, object_: str, units: Sequence[str] | None = None, **detail: Json
    ) -> None:
        """Puts on record that the token did this, or looked at it."""
        address = address_of(self.request)
        record_access(connection, self.access, act, object_, units=units, address=address, **detail)


def calling(permission: Permission) -> Callable[..., Caller]:
    """A dependency: the caller, whose token has the permission."""

    def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Caller:
        site = site_of(request)
        if given is None:
            raise NotSignedInError("expected a bearer token, got none; send Authorization: Bearer TOKEN")
        with site.writing() as connection:
            access = find_token(connection, given.credentials)
        if access is None:
            raise NotSignedInError("expected a token that holds, got one that is unknown, over or revoked")
        if (refusal := access.refusal(permission)) is not None:
            raise ForbiddenError(refusal)
        _refuse_nul(request)
        return Caller(request, site, access)

    return caller


def _refuse_nul(request: Request) -> None:
    """Ends a call whose path or query holds what PostgreSQL's texts can't."""
    given = [*request.path_params.items(), *request.query_params.multi_items()]
    found = [(name, NUL_WORDS) for name, value in given if "\0" in str(value)]
    if found:
        raise ProblemError(422, errors=found)


Looking: TypeAlias = Annotated[Caller, Depends(calling(Permission.LOOK))]
Overseeing: TypeAlias = Annotated[Caller, Depends(calling(Permission.OVERSEE))]
Operating: TypeAlias = Annotated[Caller, Depends(calling(Permission.OPERATE))]
Configuring: TypeAlias = Annotated[Caller, Depends(calling(Permission.CONFIGURE))]
Administering: TypeAlias = Annotated[Caller, Depends(calling(Permission.ADMINISTER))]
