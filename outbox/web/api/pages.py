"""Lists by pages: how long one is, where it goes on, and the link to the next."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import URL

from outbox import canonical
from outbox.model import Json
from outbox.moment import parse_moment
from outbox.web.api.exact import ExactResponse, jsonable
from outbox.web.api.problems import ProblemError

LARGEST_ID: Final = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST, FEW = 200, 50
NEXT_WORDS: Final = "The URL of the next page, also in the header Link; null on the last."
_ONE = TypeVar("_ONE")


class Asking(BaseModel):
    """The query of a call: known parameters alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Going(Asking):
    """Where a list goes on."""

    cursor: Annotated[
        str | None, Field(max_length=2_000, description="Where to go on: `next` has it. Left out: from the start.")
    ] = None


class Paging(Going):
    """What lists can be told."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="Most entries on a page.")] = FEW


def page_of(
    request: Request,
    name: str,
    entries: Sequence[Mapping[str, Any]],
    goes_on: Sequence[object] | str | None,
    **more: object,
) -> ExactResponse:
    """A page; `goes_on` is the key, or the cursor, after which the next one begins, None on the last."""
    link = None if goes_on is None else _next(request, goes_on if isinstance(goes_on, str) else written(goes_on))
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    return ExactResponse({name: entries, "next": link, **more}, headers=headers)


def cut(entries: Sequence[_ONE], limit: int, key: Callable[[_ONE], Sequence[object]]) -> tuple[Sequence[_ONE], Any]:
    """The page, of entries that were read one beyond it, and the key to go on after."""
    if len(entries) <= limit:
        return entries, None
    return entries[:limit], key(entries[limit - 1])


def written(key: Sequence[object]) -> str:
    """A key as a cursor."""
    return base64.urlsafe_b64encode(canonical.dumps(jsonable(key))).decode().rstrip("=")


def read(cursor: str | None, *kinds: type) -> list[Any] | None:
    """The key that a cursor carries, of parts of these types; ProblemError for anything that we didn't write."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = list(canonical.loads(text))
        return [_part(part, kind) for part, kind in zip(parts, kinds, strict=True)]
    except (ValueError, TypeError, binascii.Error):
        raise ProblemError(422, errors=[("cursor", "expected one that `next` gave, got another; start anew")]) from None


def _part(part: Json, kind: type) -> object:
    if kind is datetime and isinstance(part, str):
        return parse_moment(part, now=_EPOCH)
    within = not isinstance(part, int) or 0 <= part <= LARGEST_ID
    if type(part) is not kind or not within or (isinstance(part, str) and "\0" in part):
        raise ValueError("expected another part")
    return part


def _next(request: Request, cursor: str) -> str:
    here: URL = request.url.include_query_params(cursor=cursor)
    return f"{here.path}?{here.query}"


def link_header() -> dict[str, Any]:
    """The header that lists carry, for the document."""
    return {"Link": {"description": 'The next page: <...>; rel="next".', "schema": {"type": "string"}}}
