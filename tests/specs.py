"""Connectors of every shape, for properties that hold for all of them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from outbox.connector import ConnectorSpec
from outbox.connector_input import parse_spec
from outbox.errors import ConfigurationError
from outbox.model import ContentType, DataChoice, FormStyle, Order, Trigger

_SIGNS = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="\N{NO-BREAK SPACE}")
_WORDS = st.text(_SIGNS, min_size=1, max_size=20)
_FIELDS = _WORDS.filter(lambda word: bool(word.strip()))
_PARTS = st.text(st.characters(codec="ascii", categories=("L", "N", "P"), exclude_characters=".[]"), min_size=1)
_HEADERS = st.sampled_from(["X-Team", "X-Api-Key", "X-Trace", "My-Token", "Accept-Language", "x'\"`"])
_VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
_SECRETS = st.text(_SIGNS, min_size=1, max_size=40).filter(lambda word: bool(word.strip()))
_PAUSES = st.one_of(
    st.integers(0, 86_400 * 30), st.floats(0, 86_400, allow_nan=False).map(lambda value: round(value, 3))
)
_UNITS = st.just(["*"]) | st.lists(_FIELDS, min_size=1, max_size=3, unique=True)
SIGNING = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


def specs(units: SearchStrategy[list[str]] | None = None) -> SearchStrategy[ConnectorSpec]:
    """Sound connectors; of these business units, or of any."""
    shapes = st.fixed_dictionaries(
        {
            "name": _WORDS.map(str.strip).filter(bool),
            "business_units": _UNITS if units is None else units,
            "triggers": st.lists(st.sampled_from(Trigger), min_size=1, unique=True),
            "url": st.sampled_from(
                ["https://example.com/webhook", "http://[::1]:8080/a?b=%20", "https://büro.example/ü?x=\"'<>&"]
            ),
            "content_type": st.sampled_from(ContentType),
            "username": _WORDS.filter(lambda word: ":" not in word and word.isprintable()),
            "secret": st.none() | _SECRETS,
            "ssl_verification": st.booleans(),
            "data": st.sampled_from(DataChoice),
            "company_fields": st.lists(_FIELDS, max_size=3, unique=True),
            "field_mapping": st.lists(st.fixed_dictionaries({"field": _FIELDS, "property": _PARTS}), max_size=3),
            "form_style": st.sampled_from(FormStyle),
            "order": st.sampled_from(Order),
            "max_in_flight": st.integers(1, 1000),
            "rate_per_second": st.none() | st.floats(0.001, 10_000, allow_nan=False),
            "timeout_seconds": st.floats(0.001, 300, allow_nan=False),
            "schedule": st.none() | st.lists(_PAUSES, max_size=4),
            "headers": st.dictionaries(_HEADERS, _VALUES, max_size=3),
            "signing_secret": st.none() | st.just(SIGNING),
        }
    )
    return shapes.map(_parsed).filter(lambda spec: spec is not None)  # type: ignore[return-value]


def _parsed(values: dict[str, Any]) -> ConnectorSpec | None:
    """The spec; None where values that are sound alone don't go together, as two properties that nest."""
    try:
        return parse_spec(values, label="x")
    except ConfigurationError:
        return None
