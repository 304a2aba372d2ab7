"""Errors of the API as problem details (RFC 9457)."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from outbox.db import first_line, is_transient
from outbox.errors import ConfigurationError, RefusedError, SchemaError
from outbox.log import get_log
from outbox.web.errors import ForbiddenError, NotFoundError, NotSignedInError

MEDIA_TYPE = "application/problem+json"


def problem(request: Request, status: int, detail: str, **more: object) -> Response:
    """A problem of this status, in words; `more` are members of its own."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body |= {"instance": request.url.path, **more}
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _as(status: int) -> Callable[[Request, Exception], Response]:
    return lambda request, error: problem(request, status, str(error))


def _wrong(request: Request, error: Exception) -> Response:
    faults = error.faults if isinstance(error, ConfigurationError) else ()
    return problem(request, 422, str(error), errors=[{"detail": fault} for fault in faults])


def _unfit(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [{"field": ".".join(map(str, one["loc"])), "detail": str(one["msg"])} for one in found]
    return problem(request, 422, "; ".join(f"{one['field']}: {one['detail']}" for one in errors), errors=errors)


def _of_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return problem(request, status, str(error.detail) if isinstance(error, HTTPException) else "")


def _database(request: Request, error: Exception) -> Response:
    get_log().error("call_failed", path=request.url.path, error=first_line(error))
    if isinstance(error, DBAPIError) and (is_transient(error) or getattr(error.orig, "sqlstate", None) == "57014"):
        return problem(request, 503, "the database did not answer in time; try again, or ask for less")
    return problem(request, 500, "the database refused; the log says why")


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    NotSignedInError: _as(401),
    ForbiddenError: _as(403),
    NotFoundError: _as(404),
    RefusedError: _as(409),
    ConfigurationError: _wrong,
    RequestValidationError: _unfit,
    HTTPException: _of_http,
    DBAPIError: _database,
    SchemaError: _database,
}
