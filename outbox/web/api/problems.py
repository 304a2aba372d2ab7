"""What the API says when it can't do what was asked: problem details (RFC 9457), each kind with its type."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from outbox import canonical

MEDIA_TYPE = "application/problem+json"
TITLES: Final[Mapping[int, str]] = {
    400: "The request can't be read",
    401: "No token that holds",
    403: "Not yours to do",
    404: "There is no such thing",
    405: "Not done to this",
    409: "It can't be done as things stand",
    412: "It was changed meanwhile",
    413: "The body is too large",
    415: "The body is of another type",
    422: "Something in the request is wrong",
    428: "Say which version you mean",
    500: "Our fault",
    503: "Not possible just now",
}
WORDS: Final[Mapping[int, str]] = {
    400: "The body is no JSON, or no UTF-8.",
    401: "There is no bearer token, or it is unknown, over or revoked.",
    403: "The token's role or its limit to business units doesn't allow this; `detail` says what would.",
    404: "There is none, or it belongs to business units that the token isn't for: the answer is the same.",
    405: "The path exists; `Allow` says what is done to it.",
    409: "The rules refuse it as things stand: the name is taken, the connector is disabled, ...",
    412: "`If-Match` names another version than the present one: get it, look at what changed, and ask again.",
    413: "A body may have a megabyte.",
    415: "`Content-Type` names another type than the one that is read here.",
    422: "Each fault stands in `errors` with its field: an unknown key, a wrong value, a rule that is broken.",
    428: "A change needs `If-Match` with the ETag of what was read, so that nobody's change is lost.",
    500: "It stands in the service's log under the `instance`.",
    503: "The database doesn't answer in time, or the question takes too long: try again, or narrow it.",
}


NUL_WORDS: Final = "expected a text without NUL, got one with it"


class Fault(BaseModel):
    """One thing that is wrong, and where."""

    field: Annotated[str, Field(description="Name of the parameter, header or key of the body, by dots.")]
    detail: Annotated[str, Field(description="What was expected, what came, and what to do.")]


class Problem(BaseModel):
    """Why the request was not done."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/api#problem-422",
                    "title": TITLES[422],
                    "status": 422,
                    "detail": "url: expected a URL that begins with https:// or http://, got 'crm.example'",
                    "instance": "urn:uuid:5e1e0d6c-3b7e-4d52-9d6e-6f1d1a2f6f5e",
                    "errors": [
                        {"field": "url", "detail": "expected a URL that begins with https:// or http://, got ..."}
                    ],
                }
            ]
        }
    )

    type: Annotated[str, Field(description="The kind of problem: a link to its words.")]
    title: Annotated[str, Field(description="The kind in words.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="What it is this time, for people.")]
    instance: Annotated[str, Field(description="This one occurrence; our fault stands in the log under it.")]
    errors: Annotated[list[Fault], Field(description="Each fault with its field; empty where there is no field.")]


class ProblemError(Exception):
    """Ends a request with this problem."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = tuple(errors)
        self.detail = detail or "; ".join(": ".join(filter(None, error)) for error in self.errors)
        self.headers = dict(headers or {})


def new_instance() -> str:
    """A name for one occurrence."""
    return uuid4().urn


def problem_response(problem: ProblemError, instance: str | None = None) -> Response:
    """The answer that tells it."""
    content = {
        "type": f"/api#problem-{problem.status}",
        "title": TITLES.get(problem.status, "The request was refused"),
        "status": problem.status,
        "detail": problem.detail or WORDS.get(problem.status, ""),
        "instance": instance or new_instance(),
        "errors": [{"field": field, "detail": words} for field, words in problem.errors],
    }
    return Response(
        canonical.dumps(content), status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers
    )


def fields_of(faults: Sequence[str], label: str = "") -> list[tuple[str, str]]:
    """Faults as the rest of the product words them, `label: field: words`, as pairs."""
    return [_field(fault.removeprefix(f"{label}: ")) for fault in faults]


def _field(fault: str) -> tuple[str, str]:
    field, colon, words = fault.partition(": ")
    field = field.removeprefix("--").replace(" ", "_")
    return (field, words) if colon and field.replace(".", "_").replace("-", "_").isidentifier() else ("", fault)


Answers: TypeAlias = dict[int | str, dict[str, Any]]


def answers(*statuses: int) -> Answers:
    """The problems that an operation may answer with, beside those of every operation, for the document."""
    every = {401, 403, 422, 500, 503}
    return {
        status: {
            "description": WORDS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in sorted({*every, *statuses})
    }


_HEADERS: Mapping[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "required": True,
            "schema": {"type": "string", "pattern": "^Bearer"},
        }
    },
    503: {
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    },
}
