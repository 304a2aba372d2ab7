"""JSON comes out as it went in, digit for digit."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox import canonical

INTEGERS = st.integers().map(str)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(NUMBERS | INTEGERS)
def test_every_number_is_written_as_the_digits_that_came(text: str) -> None:
    """No number is rounded, shortened, or rewritten, whatever its size, scale or exponent."""
    assert text.encode() == canonical.dumps(canonical.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.50",
        "0.00000001",
        "0.1000000000",
        "9007199254740993",
        "12345678901234567890.0123456789",
        "1e400",
        "1E-400",
        "-0",
        "-0.0",
        "9" * 5000,
        "1" + "0" * 131071,
    ],
)
def test_known_awkward_numbers_keep_their_digits(text: str) -> None:
    """numeric(30,10), bigint beyond 2^53, and numbers beyond Python's digit limit arrive exactly."""
    assert text.encode() == canonical.dumps({"n": [canonical.loads(text)]})[6:-2]


@given(VALUES)
def test_every_value_comes_back_equal(value: Any) -> None:
    """Reading what was written gives the value again, in types as in content."""
    written = canonical.dumps(value)

    assert canonical.loads(written) == value
    assert written == canonical.dumps(canonical.loads(written))


@given(st.dictionaries(st.text(), st.integers()))
def test_keys_keep_their_order(value: dict[str, int]) -> None:
    """The order of keys is the caller's: a report's envelope stands first because it was put first."""
    assert list(value) == list(canonical.loads(canonical.dumps(value)))


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_valid_utf8_and_comes_back(text: str) -> None:
    """Even lone surrogates, which UTF-8 can't hold, are written so that every reader gets the same text."""
    written = canonical.dumps(text)

    assert written.decode("utf-8")
    assert text == canonical.loads(written)


def test_text_is_written_compactly_and_unescaped() -> None:
    """UTF-8 stands as it is, without blanks between tokens."""
    assert '{"größe":["ß",true,null,{}],"n":1.50}'.encode() == canonical.dumps(
        {"größe": ["ß", True, None, {}], "n": Decimal("1.50")}
    )


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_not_a_number_is_refused(number: str) -> None:
    """JSON has no NaN and no Infinity; neither is read nor written."""
    with pytest.raises(ValueError, match="not JSON"):
        canonical.dumps([Decimal(number)])
    with pytest.raises(ValueError):
        canonical.loads(number)


@pytest.mark.parametrize("text", ["", "{", "1 2", "01", b"\xff", '"\x01"', "[" * 100_000, "1e99999999999999999999"])
def test_what_is_no_json_is_refused_with_one_kind_of_error(text: str | bytes) -> None:
    """A bad text is a ValueError, never another exception, however it is bad."""
    with pytest.raises(ValueError):
        canonical.loads(text)


def test_what_is_nested_too_deeply_is_refused_in_words() -> None:
    """Depth beyond the interpreter's stack is an error that callers can handle."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(ValueError, match="nested too deeply"):
        canonical.dumps(deep)


def test_what_json_cannot_say_is_refused() -> None:
    """A value of no JSON type is the caller's mistake, and said."""
    with pytest.raises(TypeError):
        canonical.dumps({"when": object()})
