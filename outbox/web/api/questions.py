"""Named questions: which there are, what each needs, and their answers as rows."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from outbox.insight.questions import answering, offered
from outbox.questions import PAGES
from outbox.questions.declaration import Kind, NamedQuestion
from outbox.questions.library import Shelved
from outbox.questions.reading import Page, Rows
from outbox.web.api.bodies import Body, reading, takes
from outbox.web.api.caller import Caller, Looking
from outbox.web.api.exact import ExactResponse
from outbox.web.api.problems import answers
from outbox.web.errors import ForbiddenError, NotFoundError

router = APIRouter(prefix="/questions", tags=["questions"])
SECONDS: Final = 30.0
MOST_ROWS: Final = 10_000


class ParameterAnswer(BaseModel):
    """What a question needs to be told."""

    name: str
    kind: Kind
    words: str
    required: bool
    default: Annotated[str | None, Field(description="What stands for it where it is left out; null: nothing.")]


class QuestionAnswer(BaseModel):
    """A question that has a name."""

    name: str
    title: Annotated[str, Field(description="The question itself.")]
    words: Annotated[str, Field(description="What it answers.")]
    own: Annotated[bool, Field(description="Whether it is one of yours, and not one that came with the product.")]
    page: Annotated[bool, Field(description="Whether the answer is a page of HTML instead of rows.")]
    parameters: list[ParameterAnswer]


class QuestionList(BaseModel):
    """The questions that the token may ask."""

    questions: list[QuestionAnswer]


class Asking(Body):
    """The values of a question's parameters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parameters": {"since": "7d"}, "limit": 100}]})

    parameters: Annotated[
        Mapping[str, str | int | bool], Field(description="By name; a moment, connector or unit as people write it.")
    ] = {}
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS, description="Most rows.")] = 1_000


class Answered(BaseModel):
    """The rows of an answer."""

    columns: list[str]
    rows: Annotated[list[dict[str, Any]], Field(description="Numbers keep every digit, moments are UTC.")]
    more: Annotated[bool, Field(description="Whether there are more than `limit`: narrow the question.")]


@router.get("", response_model=QuestionList, responses=answers())
def list_questions(caller: Looking) -> Response:
    """The named questions that the token may ask, and what each needs."""
    found = offered(caller.site.settings.folder, within=caller.access.within).values()
    told = [_told(one.shelved, one.question) for one in found if one.question is not None and one.refusal is None]
    return ExactResponse({"questions": told})


@router.post(
    "/{name}",
    response_model=Answered,
    responses={
        200: {
            "description": "The answer; of a question whose answer is a page, HTML.",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
        **answers(400, 404, 409, 413, 415),
    },
    openapi_extra=takes(Asking, optional=True),
)
def ask_question(
    caller: Looking,
    name: Annotated[str, Path(description="Name of the question.", examples=["slowest-receivers"])],
    body: Annotated[Asking, Depends(reading(Asking, optional=True))],
) -> Response:
    """Asks it, in a transaction that only reads; that it was asked is put on record."""
    shelved = _found(caller, name)
    written = {one: value if isinstance(value, bool) else str(value) for one, value in body.parameters.items()}
    with caller.site.writing() as connection:
        caller.record(connection, "asked", f"question {name!r}", parameters=dict(written))
    with answering(
        caller.site.engine,
        shelved,
        written,
        within=caller.access.within,
        seconds=SECONDS,
        max_bytes=caller.site.settings.report.max_bytes,
    ) as given:
        match given:
            case Page() as page:
                named = {"Content-Disposition": f'attachment; filename="{name}.html"'}
                return Response(page.html, media_type="text/html", headers=named)
            case Rows() as answered:
                return _rows(answered, body.limit)


def _rows(answered: Rows, limit: int) -> ExactResponse:
    rows: Iterator[Mapping[str, Any]] = iter(answered.rows)
    told = list(islice(rows, limit))
    more = next(rows, None) is not None
    return ExactResponse({"columns": answered.columns, "rows": told, "more": more})


def _found(caller: Caller, name: str) -> Shelved:
    asked = offered(caller.site.settings.folder, within=caller.access.within).get(name)
    if asked is None or asked.question is None:
        raise NotFoundError("there is no such question; GET /api/v1/questions lists them")
    if asked.refusal is not None:
        raise ForbiddenError(asked.refusal)
    return asked.shelved


def _told(shelved: Shelved, question: NamedQuestion) -> dict[str, Any]:
    parameters = [
        {"name": one.name, "kind": one.kind, "words": one.words, "required": one.required, "default": one.default}
        for one in question.parameters
    ]
    return {
        "name": question.name,
        "title": question.title,
        "words": question.answers,
        "own": shelved.own,
        "page": not shelved.own and question.name in PAGES,
        "parameters": parameters,
    }
