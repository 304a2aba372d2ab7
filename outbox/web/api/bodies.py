"""The bodies that calls bring: read whole and bounded, held against a model, every fault with its field."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from outbox.model import Json
from outbox.toml_file import faults_of
from outbox.web.api.problems import NUL_WORDS, ProblemError, fields_of

MOST_BYTES: Final = 1_048_576
JSON_TYPE, MERGE_PATCH = "application/json", "application/merge-patch+json"

_Model = TypeVar("_Model", bound=BaseModel)


class Body(BaseModel):
    """A body: its keys are known ones, its values of the type that is said, not one that could be made it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def reading(
    model: type[_Model], media_type: str = JSON_TYPE, *, optional: bool = False
) -> Callable[[Request], Coroutine[Any, Any, _Model]]:
    """A dependency: the body as this model; one that may be left out is then the model without keys."""

    async def read(request: Request) -> _Model:
        written = await _bounded(request)
        if optional and not written:
            return model()
        _check_type(request, media_type)
        return parse(model, written)

    return read


def parse(model: type[_Model], written: bytes) -> _Model:
    """The model of this JSON; raises ProblemError with every fault."""
    try:
        read = from_json(written, allow_inf_nan=False)
    except ValueError as error:
        raise ProblemError(400, f"expected a body of JSON in UTF-8, got something else: {error}") from None
    refuse((place, NUL_WORDS) for place in _with_nul(read, ()))
    try:
        return model.model_validate_json(written)
    except ValidationError as error:
        raise ProblemError(422, errors=fields_of(faults_of(error, "", model))) from None


async def _bounded(request: Request) -> bytes:
    """The body, given up as soon as it is too long."""
    written = bytearray()
    async for part in request.stream():
        written += part
        if len(written) > MOST_BYTES:
            raise ProblemError(413, f"expected a body of at most {MOST_BYTES} bytes, got a longer one")
    return bytes(written)


def _check_type(request: Request, expected: str) -> None:
    given = request.headers.get("Content-Type", "")
    if given.partition(";")[0].strip().lower() != expected:
        raise ProblemError(
            415,
            f"expected Content-Type: {expected}, got {given or 'none'}",
            headers={"Accept-Patch" if expected == MERGE_PATCH else "Accept-Post": expected},
        )


def _with_nul(value: Json, place: tuple[str, ...]) -> Iterator[str]:
    """Where a text, or a key, holds what PostgreSQL's can't."""
    if isinstance(value, dict):
        yield from (".".join((*place, "key")) for key in value if "\0" in key)
        parts: Iterable[tuple[str, Json]] = value.items()
    else:
        parts = ((str(number), one) for number, one in enumerate(value)) if isinstance(value, list) else ()
    for name, one in parts:
        yield from _with_nul(one, (*place, name))
    if isinstance(value, str) and "\0" in value:
        yield ".".join(place)


def takes(model: type[BaseModel], media_type: str = JSON_TYPE, *, optional: bool = False) -> dict[str, Any]:
    """What the document says of an operation's body; `MODELS` then brings the model's schema."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": not optional, "content": {media_type: {"schema": schema}}}}


def refuse(faults: Iterable[tuple[str, str]]) -> None:
    """Ends the request where there is a fault."""
    found = list(faults)
    if found:
        raise ProblemError(422, errors=found)
