"""Answers as JSON, exact: numbers keep every digit, moments are UTC, bytes that are UTF-8 are text."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

from starlette.responses import Response

from outbox import canonical
from outbox.model import Json
from outbox.moment import write_moment


class ExactResponse(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The content's JSON."""
        return canonical.dumps(jsonable(content))


def jsonable(value: object) -> Json:
    """A value that JSON can say; times of whatever zone in UTC."""
    match value:
        case Enum():
            told: Json = value.value
        case datetime():
            told = write_moment(value)
        case bytes() | memoryview():
            told = text_of(bytes(value))
        case Mapping():
            told = {str(key): jsonable(one) for key, one in value.items()}
        case Sequence() | frozenset() if not isinstance(value, str):
            told = [jsonable(one) for one in value]
        case _:
            told = value
    return told


def text_of(body: bytes) -> str:
    """Bytes as text: UTF-8 as it is, others as `data:;base64,...`, which no text of UTF-8 is mistaken for."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _encoded(body)
    return _encoded(body) if text.startswith(_MARK) else text


_MARK = "data:;base64,"


def _encoded(body: bytes) -> str:
    return _MARK + base64.b64encode(body).decode()
