"""A form flattens the same report as the JSON tells."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from outbox.model import Connector, DataChoice, Event, FormStyle
from outbox.report import ENVELOPE
from tests.report_sample import COMPANY, EVENT, FORM, build, told

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def posted(event: Event = EVENT, connector: Connector = FORM) -> list[tuple[str, str]]:
    """Build a form report and read its fields as a receiver does."""
    body = build(event, connector, companies=(COMPANY,)).body
    assert body is not None
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def leaves(name: str, value: Any) -> list[tuple[str, str]]:
    """Flatten a JSON value, by the rules as documented: the reference for forms."""
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(f"{name}[{key}]" if name else key, inner)]
    if isinstance(value, list) and value:
        return [leaf for place, inner in enumerate(value) for leaf in leaves(f"{name}[{place}]", inner)]
    if value is None or value in ([], {}):
        return [(name, "")]
    return [(name, str(value).lower() if isinstance(value, bool) else str(value))]


class TestForm:
    """A form flattens the same report."""

    def test_nesting_lists_decimals_and_null(self) -> None:
        """`contract[amount]=...`, lists by index, null as empty value."""
        assert posted() == [
            ("id", "12"),
            ("trigger", "update"),
            ("occurred_at", "2025-11-24T00:02:03.000004Z"),
            ("business_unit", "bu-1"),
            ("contract_id", "c-1"),
            ("status", "sent"),
            ("contract[number]", "2025-001"),
            ("contract[amount]", "1234567890123456789.1234567890"),
            ("contract[count]", "9007199254740993"),
            ("contract[title]", ""),
            ("contract[recipient][email]", "ada@example.com"),
            ("contract[recipient][name]", "Ada"),
            ("contract[items][0][price]", "12.50"),
            ("contract[items][1][price]", "0.10"),
            ("changed[amount][old]", "1.50"),
            ("changed[amount][new]", "2.00"),
            ("changed[notes]", ""),
            ("detail[by]", "Ada"),
            ("company[id]", "17"),
            ("company[name]", "Größe GmbH"),
        ]

    def test_the_bytes_are_percent_encoded_utf8(self) -> None:
        """A blank is +, everything else unsafe is percent encoded; the content type is the page's word."""
        report = build(replace(EVENT, document={"ß": "a b&=é\n"}, changed=None, detail=[]), FORM)

        assert report.content_type == "application/x-www-form-urlencoded"
        assert report.body is not None
        assert report.body.endswith(b"&contract%5B%C3%9F%5D=a+b%26%3D%C3%A9%0A&changed=&detail=&company=")

    def test_payload_style_carries_the_json_in_one_parameter(self) -> None:
        """`form_style = "payload"` posts exactly the JSON report."""
        connector = replace(FORM, form_style=FormStyle.PAYLOAD)

        [(name, value)] = posted(connector=connector)

        assert name == "payload"
        assert value.encode() == build(companies=(COMPANY,)).body

    def test_a_status_report_is_the_envelope(self) -> None:
        """The data choice holds for forms too."""
        assert list(ENVELOPE) == [name for name, _ in posted(connector=replace(FORM, data=DataChoice.STATUS))]

    @given(st.dictionaries(st.text(), JSON_VALUES, max_size=5))
    def test_a_form_says_what_the_json_says(self, document: dict[str, Any]) -> None:
        """Every leaf of the JSON report stands in the form under its path, in order, and nothing else does."""
        event = replace(EVENT, document=document)

        assert posted(event) == list(leaves("", told(event, companies=(COMPANY,))))
