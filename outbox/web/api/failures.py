"""What every failure of a call becomes: a problem, with what went wrong and nothing of anybody."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from outbox.db import first_line, is_transient
from outbox.errors import ConfigurationError, RefusedError, SchemaError, SecretError
from outbox.log import get_log
from outbox.suggest import suggestion
from outbox.toml_file import in_our_words
from outbox.web.api.problems import ProblemError, fields_of, new_instance, problem_response
from outbox.web.errors import ForbiddenError, NotFoundError, NotSignedInError

_OUT_OF_TIME = "57014"
_REALM = 'Bearer realm="outbox"'


def _problem(request: Request, error: Exception) -> Response:
    del request
    return problem_response(error if isinstance(error, ProblemError) else ProblemError(500))


def _plain(status: int) -> Callable[[Request, Exception], Response]:
    def tell(request: Request, error: Exception) -> Response:
        del request
        return problem_response(ProblemError(status, str(error)))

    return tell


def _not_signed_in(request: Request, error: Exception) -> Response:
    challenge = f'{_REALM}, error="invalid_token"' if "Authorization" in request.headers else _REALM
    return problem_response(ProblemError(401, str(error), headers={"WWW-Authenticate": challenge}))


def _wrong(request: Request, error: Exception) -> Response:
    del request
    faults = error.faults if isinstance(error, ConfigurationError) else (str(error),)
    return problem_response(ProblemError(422, errors=fields_of(faults)))


def _unread(request: Request, error: Exception) -> Response:
    """Path, query or headers that don't fit."""
    errors = error.errors() if isinstance(error, RequestValidationError) else []
    return problem_response(ProblemError(422, errors=[_fault(request, one) for one in errors]))


def _fault(request: Request, one: dict[str, Any]) -> tuple[str, str]:
    place, *path = one["loc"]
    field = ".".join(str(part) for part in path) or str(place)
    match one["type"]:
        case "extra_forbidden":
            return field, f"unknown parameter; {suggestion(field, _parameters(request))}"
        case "missing":
            return field, f"expected a {place} parameter, got none; add it"
        case _:
            return field, f"{in_our_words(one['msg'])}; got {str(one.get('input'))[:120]!r}"


def _parameters(request: Request) -> list[str]:
    """The parameters that the operation knows."""
    path = cast("str", getattr(request.scope.get("route"), "path", ""))
    operation = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]


def _of_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _failed(request, error)
    if error.status_code == 404:  # noqa: PLR2004 (HTTP's own)
        return problem_response(ProblemError(404, "there is no such path; /api/v1/openapi.json lists those that are"))
    words = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail
    headers = {"Allow": ", ".join(_methods(request))} if error.status_code == 405 else error.headers  # noqa: PLR2004
    return problem_response(ProblemError(error.status_code, words, headers=headers))


def _methods(request: Request) -> list[str]:
    """What is done to this path, by whichever route."""
    here = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    fitting = (operations for path, operations in paths.items() if compile_path(path)[0].match(here))
    return sorted({method.upper() for operations in fitting for method in operations})


def _database(request: Request, error: Exception) -> Response:
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _OUT_OF_TIME:
        return _later("the database had no answer in time; narrow the question")
    if isinstance(error, DBAPIError) and is_transient(error):
        get_log().error("call_failed", path=request.url.path, error=first_line(error))
        return _later("the database can't be reached; try again in a moment")
    return _failed(request, error)


def _later(words: str) -> Response:
    return problem_response(ProblemError(503, words, headers={"Retry-After": "5"}))


def _failed(request: Request, error: Exception) -> Response:
    """Our fault: what it was stands in the log alone, under the instance that the answer names."""
    instance = new_instance()
    hidden = isinstance(error, DBAPIError)  # its traceback quotes rows
    get_log().error(
        "call_failed",
        instance=instance,
        path=request.url.path,
        error=f"{type(error).__name__}: {first_line(error)}",
        exc_info=None if hidden else error,
    )
    return problem_response(ProblemError(500, "it failed on our side; the log has it under this instance"), instance)


HANDLERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    ProblemError: _problem,
    NotSignedInError: _not_signed_in,
    ForbiddenError: _plain(403),
    NotFoundError: _plain(404),
    RefusedError: _plain(409),
    SecretError: _plain(409),
    ConfigurationError: _wrong,
    RequestValidationError: _unread,
    HTTPException: _of_http,
    DBAPIError: _database,
    SchemaError: _failed,
    Exception: _failed,
}
