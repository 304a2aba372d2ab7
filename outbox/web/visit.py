"""One request of somebody who is signed in: who they are, what they may, how they are answered."""

import hmac
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, TypeAlias, cast

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from itsdangerous import BadSignature
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from outbox.access import Access, Permission
from outbox.access_records import record_access
from outbox.connector_edits import Author
from outbox.model import Json
from outbox.people import Person, find_session
from outbox.web.errors import ForbiddenError, NotSignedInError
from outbox.web.render import environment
from outbox.web.site import Site

SESSION_COOKIE, SAID_COOKIE, FORM_COOKIE = "outbox_session", "outbox_said", "outbox_form"
SAID_SECONDS = 60
MOST_FORM_FIELDS, MOST_FORM_PART_BYTES = 5_000, 2_000_000
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Visit:
    """A request and its person; `form` is empty where none was sent."""

    request: Request
    site: Site
    person: Person
    token: str = field(repr=False)
    form: FormData = field(default_factory=FormData, repr=False)

    @property
    def access(self) -> Access:
        """What the person may."""
        return self.person.access

    @property
    def author(self) -> Author:
        """The person as the author of a change to a connector."""
        return Author(self.person.name, "page")

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return address_of(self.request)

    @property
    def csrf(self) -> str:
        """What every form of this session carries."""
        return form_token(self.site, self.token)

    @property
    def unit_names(self) -> Mapping[str, str]:
        """Names of the business units that the person may see, by id: of another no page can say what it is called."""
        return self.site.unit_names(within=self.access.within)

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """The template as a whole page; what was to be said is said on it."""
        said = said_of(self.request, self.site)
        answer = HTMLResponse(self._rendered(template, said=said, **values), status_code=status)
        if SAID_COOKIE in self.request.cookies:
            answer.delete_cookie(SAID_COOKIE)
        return answer

    def fragment(self, template: str, **values: object) -> HTMLResponse:
        """The template as a part of a page."""
        return HTMLResponse(self._rendered(template, said=None, **values))

    def _rendered(self, template: str, **values: object) -> str:
        own = {"visit": self, "access": self.access, "csrf": self.csrf, "unit_names": self.unit_names}
        return environment().get_template(template).render(**own, **values)

    def redirect(self, url: str, *, said: str | None = None) -> RedirectResponse:
        """Goes on to another page of ours, which says `said` once."""
        answer = RedirectResponse(url, status_code=303)
        if said is not None:
            set_cookie(self.request, answer, SAID_COOKIE, str(self.site.said_signer.dumps(said)), SAID_SECONDS)
        return answer

    def record(
        self, connection: Connection, act: str, object_: str, units: Sequence[str] | None = None, **detail: Json
    ) -> None:
        """Puts on record that the person did this, or looked at it."""
        record_access(connection, self.access, act, object_, units=units, address=self.address, **detail)


def set_cookie(request: Request, answer: Response, name: str, value: str, seconds: float) -> None:
    """A cookie that scripts can't read and other sites can't send."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=round(seconds), httponly=True, samesite="lax", secure=secure)


def form_token(site: Site, token: str) -> str:
    """The sign by which a form shows that it was made for this session."""
    return str(site.form_signer.get_signature(token.encode()).decode())


def same_token(given: object, expected: str) -> bool:
    """Whether a form's sign is the expected one, in time that tells nothing."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


def session_token(request: Request, site: Site) -> str | None:
    """The session's token in the cookie, where we signed it."""
    try:
        return site.session_signer.unsign(request.cookies.get(SESSION_COOKIE, "")).decode()
    except (BadSignature, UnicodeDecodeError):
        return None


def said_of(request: Request, site: Site) -> str | None:
    """What the last page wanted said on the next."""
    try:
        return cast("str", site.said_signer.loads(request.cookies.get(SAID_COOKIE, ""), max_age=SAID_SECONDS))
    except BadSignature:
        return None


def site_of(request: Request) -> Site:
    """The site of the app that got the request."""
    return cast("Site", request.app.state.site)


def address_of(request: Request) -> str:
    """The client's address, as the server saw it."""
    return request.client.host if request.client is not None else "unknown"


def visiting(permission: Permission) -> Callable[[Request], Coroutine[Any, Any, Visit]]:
    """A dependency: the visit of a person who has the permission, and whose form, if one was sent, is our own."""

    async def visit(request: Request) -> Visit:
        site = site_of(request)
        token = session_token(request, site)
        person = None if token is None else await run_in_threadpool(_person, site, token)
        if token is None or person is None:
            raise NotSignedInError("expected somebody who is signed in, got nobody; sign in")
        form = FormData()
        if request.method not in _SAFE:
            form = await read_form(request)
            given = request.headers.get("X-CSRF-Token") or form.get("csrf")
            if not same_token(given, form_token(site, token)):
                raise ForbiddenError("expected a form of this session, got another; load the page again and repeat")
        if (refusal := person.access.refusal(permission)) is not None:
            raise ForbiddenError(refusal)
        return Visit(request, site, person, token, form)

    return visit


async def read_form(request: Request) -> FormData:
    """The form that was sent; empty where there is none."""
    return await request.form(max_fields=MOST_FORM_FIELDS, max_part_size=MOST_FORM_PART_BYTES)


def _person(site: Site, token: str) -> Person | None:
    with site.engine.connect() as connection:
        return find_session(connection, token)


Looking: TypeAlias = Annotated[Visit, Depends(visiting(Permission.LOOK))]
Overseeing: TypeAlias = Annotated[Visit, Depends(visiting(Permission.OVERSEE))]
Operating: TypeAlias = Annotated[Visit, Depends(visiting(Permission.OPERATE))]
Configuring: TypeAlias = Annotated[Visit, Depends(visiting(Permission.CONFIGURE))]
Administering: TypeAlias = Annotated[Visit, Depends(visiting(Permission.ADMINISTER))]
