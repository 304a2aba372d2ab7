"""The app: routes, static files, security headers, and what an error looks like."""

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from outbox import __version__
from outbox.db import first_line, is_transient
from outbox.errors import ConfigurationError, RefusedError, SchemaError
from outbox.log import get_log
from outbox.web.api import make_api
from outbox.web.errors import ForbiddenError, NotFoundError, NotSignedInError
from outbox.web.headers import SecurityHeaders
from outbox.web.pages import ROUTERS
from outbox.web.render import STATIC, environment, link
from outbox.web.site import Site

_YEAR_SECONDS = 31_536_000
Handler = Callable[[Request, Exception], Response]


class _Static(StaticFiles):
    """Files whose URL changes with their content: kept for a year."""

    def file_response(self, full_path: str, stat_result: object, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[override]
        answer = super().file_response(full_path, stat_result, scope, status_code)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
        return answer


def make_app(site: Site) -> FastAPI:
    """The dashboard, with the API under /api/v1."""
    app = FastAPI(title="contract-outbox", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.site = site
    app.add_middleware(SecurityHeaders)
    app.mount("/api/v1", make_api(site))
    app.mount("/static", _Static(directory=STATIC))
    for router in ROUTERS:
        app.include_router(router)
    for error, handler in _HANDLERS.items():
        app.add_exception_handler(error, handler)
    return app


def error_page(status: int, title: str, words: str) -> HTMLResponse:
    """A page that says what went wrong and nothing of anybody."""
    text = environment().get_template("error.html").render(status=status, title=title, lines=words.splitlines())
    return HTMLResponse(text, status_code=status)


def _not_signed_in(request: Request, error: Exception) -> Response:
    if request.method != "GET" or "X-Fragment" in request.headers:
        return error_page(401, "Signed out", str(error))
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(link("/sign-in", next=here), status_code=303)


def _forbidden(request: Request, error: Exception) -> Response:
    del request
    return error_page(403, "Not allowed", str(error))


def _not_found(request: Request, error: Exception) -> Response:
    del request
    return error_page(404, "Not found", str(error))


def _refused(request: Request, error: Exception) -> Response:
    del request
    return error_page(409, "Not done", str(error))


def _wrong(request: Request, error: Exception) -> Response:
    del request
    return error_page(422, "That doesn't fit", str(error))


def _unfit(request: Request, error: Exception) -> Response:
    """A path or query that can't be read: what it names isn't there."""
    del request, error
    return error_page(404, "Not found", "There is no such page.")


def _of_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:  # noqa: PLR2004 (HTTP's own)
        return _unfit(request, error)
    return error_page(status, "That can't be done", str(error.detail) if isinstance(error, HTTPException) else "")


def _database(request: Request, error: Exception) -> Response:
    get_log().error("page_failed", path=request.url.path, error=first_line(error))
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == "57014":
        return error_page(503, "That takes too long", "The database did not answer in time; ask for less.")
    if isinstance(error, SchemaError) or (isinstance(error, DBAPIError) and not is_transient(error)):
        return error_page(500, "The database refused", "The log says why; `outbox doctor` may too.")
    return error_page(503, "The database can't be reached", "Nothing is lost; try again in a moment.")


_HANDLERS: dict[type[Exception], Handler] = {
    NotSignedInError: _not_signed_in,
    ForbiddenError: _forbidden,
    NotFoundError: _not_found,
    RefusedError: _refused,
    ConfigurationError: _wrong,
    RequestValidationError: _unfit,
    HTTPException: _of_http,
    DBAPIError: _database,
    SchemaError: _database,
}
