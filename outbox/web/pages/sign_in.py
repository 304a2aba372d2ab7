"""Sign in and out."""

import secrets
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.responses import RedirectResponse

from outbox.people import TooManyError, end_session, open_session, sign_in
from outbox.web.errors import ForbiddenError
from outbox.web.render import environment
from outbox.web.visit import (
    FORM_COOKIE,
    SESSION_COOKIE,
    Looking,
    address_of,
    form_token,
    read_form,
    same_token,
    set_cookie,
    site_of,
)

router = APIRouter()
FORM_SECONDS: Final = 3_600


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 (the query's own word)
    """The form; whoever is signed in may sign in as somebody else."""
    return _form(request, going_on=next)


@router.post("/sign-in")
async def signing_in(request: Request) -> Response:
    """Opens a session for the right password."""
    site, form = site_of(request), await read_form(request)
    marker = request.cookies.get(FORM_COOKIE)
    if marker is None or not same_token(form.get("csrf"), form_token(site, marker)):
        raise ForbiddenError("expected the form of this browser, got another; load the page again and repeat")
    name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
    going_on = str(form.get("next", "/"))
    return await _in_thread(request, name, password, going_on)


async def _in_thread(request: Request, name: str, password: str, going_on: str) -> Response:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(_sign_in, request, name, password, going_on)


def _sign_in(request: Request, name: str, password: str, going_on: str) -> Response:
    site, address = site_of(request), address_of(request)
    hours = site.settings.web.session_hours
    try:
        with site.writing() as connection:
            person = sign_in(connection, name=name, password=password, address=address)
            token = None if person is None else open_session(connection, person, address=address, hours=hours)
    except TooManyError as error:
        return _form(request, going_on=going_on, name=name, fault=str(error), status=429)
    if token is None:
        fault = "No user has this name and password."
        return _form(request, going_on=going_on, name=name, fault=fault, status=403)
    answer = RedirectResponse(_own(going_on), status_code=303)
    set_cookie(request, answer, SESSION_COOKIE, site.session_signer.sign(token).decode(), hours * 3_600)
    answer.delete_cookie(FORM_COOKIE)
    return answer


@router.post("/sign-out")
def sign_out(visit: Looking) -> Response:
    """Ends the session."""
    with visit.site.writing() as connection:
        end_session(connection, visit.token)
        visit.record(connection, "signed out", f"user {visit.person.name.lower()!r}")
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def _form(
    request: Request, *, going_on: str, name: str = "", fault: str | None = None, status: int = 200
) -> HTMLResponse:
    marker = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(16)
    csrf = form_token(site_of(request), marker)
    text = environment().get_template("sign_in.html").render(csrf=csrf, going_on=_own(going_on), name=name, fault=fault)
    answer = HTMLResponse(text, status_code=status)
    set_cookie(request, answer, FORM_COOKIE, marker, FORM_SECONDS)
    return answer


def _own(path: str) -> str:
    """A path of ours; another site's becomes the Dashboard."""
    ours = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if ours else "/"
