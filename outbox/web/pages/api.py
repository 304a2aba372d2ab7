"""What programs can call: the OpenAPI document as pages, all calls on one, each with its shapes on its own."""

from functools import cache

from fastapi import APIRouter, Response

from outbox.web.api import document
from outbox.web.api.problems import TITLES, WORDS
from outbox.web.api.reference import Reference, reference
from outbox.web.errors import NotFoundError
from outbox.web.visit import Looking

router = APIRouter()


@router.get("/api")
def calls(visit: Looking) -> Response:
    """Every call in a line, and every kind of problem."""
    problems = [(status, TITLES[status], WORDS[status]) for status in TITLES]
    return visit.page("api/calls.html", told=_told(), problems=problems)


@router.get("/api/calls/{operation_id}")
def call(visit: Looking, operation_id: str) -> Response:
    """One call with its parameters, its body, its answers, and the shapes that they name."""
    operation = _told().operation(operation_id)
    if operation is None:
        raise NotFoundError("There is no such call.")
    return visit.page("api/call.html", one=operation, shapes=_told().shapes_of(operation))


@cache
def _told() -> Reference:
    return reference(document())
