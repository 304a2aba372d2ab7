"""JSON in and out, digit for digit: no float anywhere on the way."""

import sys
from decimal import Decimal, InvalidOperation
from typing import Self

import simplejson

from outbox.model import Json

# Python refuses to read or write an int of more digits than its own limit (4300, at least 640); Decimal doesn't.
_LONGEST_INT = sys.int_info.str_digits_check_threshold


class Digits(Decimal):
    """A number whose text differs from what Decimal would write (`0.00000001`, `1e5`): it keeps its text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Make the number that `text` says."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    return number if str(number) == text else Digits(text)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_INT and text != "-0" else Decimal(text)


_decoder = simplejson.JSONDecoder(parse_float=_decimal, parse_int=_integer)
_encoder = simplejson.JSONEncoder(
    use_decimal=True, ensure_ascii=False, separators=(",", ":"), namedtuple_as_object=False, allow_nan=False
)

_indenting_encoder = simplejson.JSONEncoder(
    use_decimal=True, ensure_ascii=False, indent="  ", namedtuple_as_object=False, allow_nan=False
)


def loads(text: str | bytes) -> Json:
    """Read a JSON text: numbers become int or Decimal, whatever their size, and keep their digits.

    Raises ValueError, in words, for what is no JSON (NaN and Infinity too), no UTF-8, or nested too deeply.
    """
    try:
        return _decoder.decode(text.decode("utf-8") if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply to be read") from None
    except InvalidOperation:
        raise ValueError("the JSON holds a number whose exponent is beyond any that can be kept") from None


def dumps(value: Json) -> bytes:
    """Write a value as compact UTF-8 JSON, keys in their own order, numbers by their digits.

    A lone surrogate, which UTF-8 can't hold, is written as its JSON escape. Raises ValueError for NaN, Infinity
    and what is nested too deeply, TypeError for what JSON can't say.
    """
    try:
        return _encoder.encode(value).encode("utf-8", "backslashreplace")
    except RecursionError:
        raise ValueError("the value is nested too deeply to be written as JSON") from None


def pretty(value: Json) -> str:
    """The same JSON for people to read: a line a value, nested ones indented."""
    try:
        return _indenting_encoder.encode(value).encode("utf-8", "backslashreplace").decode("utf-8")
    except RecursionError:
        raise ValueError("the value is nested too deeply to be written as JSON") from None
