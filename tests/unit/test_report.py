"""The report: its words, their order, and the bytes."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.model import Connector, ContentType, DataChoice, FieldMapping, FormStyle, Report, Trigger
from outbox.report import build_report, company_ids
from tests.report_sample import COMPANY, CONNECTOR, ENVELOPE_JSON, EVENT, FORM, build, told


def test_the_pages_example_connector_gets_everything_as_json() -> None:
    """The configuration page's own example: Provider BU; create, update, send; JSON; everything."""
    connector = Connector(
        id=1,
        version=1,
        name="Provider BU",
        business_units=("Provider BU",),
        triggers=frozenset({Trigger.CREATE, Trigger.UPDATE, Trigger.SEND}),
        url="https://example.com/webhook",
        content_type=ContentType("application/json"),
        secret="your_secret_key",
        ssl_verification=True,
        data=DataChoice.EVERYTHING,
    )

    report = build(replace(EVENT, business_unit="Provider BU"), connector, companies=(COMPANY,))

    assert report == Report(
        body=(
            "{" + ENVELOPE_JSON.replace("bu-1", "Provider BU") + ","
            '"contract":{"number":"2025-001","amount":1234567890123456789.1234567890,"count":9007199254740993,'
            '"title":null,"recipient":{"email":"ada@example.com","name":"Ada"},'
            '"items":[{"price":12.50},{"price":0.10}]},'
            '"changed":{"amount":{"old":1.50,"new":2.00},"notes":null},"detail":{"by":"Ada"},'
            '"company":{"id":"17","name":"Größe GmbH"}}'
        ).encode(),
        content_type="application/json",
    )


def test_only_update_status_is_the_envelope_and_nothing_else() -> None:
    """Mapping and extra fields don't apply to a status report."""
    connector = replace(
        CONNECTOR,
        data=DataChoice.STATUS,
        field_mapping=(FieldMapping("amount", "DealValue"),),
        company_fields=("vat",),
    )

    assert build(EVENT, connector).body == ("{" + ENVELOPE_JSON + "}").encode()


def test_an_event_without_unit_status_changes_and_detail_says_null() -> None:
    """What is not known is null, never left out."""
    report = told(replace(EVENT, business_unit=None, status=None, changed=None, detail=None))

    assert [report[name] for name in ("business_unit", "status", "changed", "detail")] == [None] * 4


@pytest.mark.parametrize(("year", "expected"), [(1, "0001"), (9999, "9999")])
def test_times_are_utc_with_microseconds_and_z(year: int, expected: str) -> None:
    """The form of a time never varies, also without a fraction and in odd years."""
    report = told(replace(EVENT, occurred_at=datetime(year, 6, 1, tzinfo=UTC)))

    assert report["occurred_at"] == f"{expected}-06-01T00:00:00.000000Z"


class TestCompanies:
    """The contract's own company, with exactly the extra fields that the connector names."""

    def test_the_named_extra_fields_follow_id_and_name(self) -> None:
        """A field that this company lacks is null; others are not told."""
        connector = replace(CONNECTOR, company_fields=("vat", "lacking", "business_unit", "name", "id"))

        report = told(connector=connector, companies=(COMPANY,))

        assert list(report["company"].items()) == [
            ("id", "17"),
            ("name", "Größe GmbH"),
            ("vat", "DE1"),
            ("lacking", None),
            ("business_unit", "bu-1"),
        ]

    @pytest.mark.parametrize("document", [{}, {"company": None}])
    def test_a_contract_without_company_says_null(self, document: Mapping[str, Any]) -> None:
        """Whether the mapping has no company or the contract has none."""
        assert told(replace(EVENT, document=document), companies=(COMPANY,))["company"] is None

    def test_a_company_that_the_source_does_not_know_keeps_its_id(self) -> None:
        """The id is a fact of the contract; what can't be looked up is null."""
        report = told(connector=replace(CONNECTOR, company_fields=("vat",)))

        assert report["company"] == {"id": "17", "name": None, "vat": None}

    @pytest.mark.parametrize(("ids", "expected"), [([], []), ([17], ["17"]), (["x", 17, None, "17"], ["x", "17"])])
    def test_a_list_of_companies_is_told_as_a_list(self, ids: list[Any], expected: list[str]) -> None:
        """The shape follows the mapping, not how many this contract has; order is the mapping's, each once."""
        report = told(replace(EVENT, document={"company": ids}), companies=(COMPANY,))

        assert "company" not in report
        assert [one["id"] for one in report["companies"]] == expected

    def test_company_ids_are_text(self) -> None:
        """Ids of any type are looked up by their text."""
        ids = [9007199254740993, "a", Decimal("1.0"), True]

        assert company_ids(replace(EVENT, document={"company": ids})) == ("9007199254740993", "a", "1.0", "true")
        assert company_ids(replace(EVENT, document=None)) == ()


class TestWhatCannotBeSent:
    """A report that can't be sent is a value with words, never an exception."""

    @pytest.mark.parametrize("connector", [CONNECTOR, FORM, replace(FORM, form_style=FormStyle.PAYLOAD)])
    def test_a_report_over_the_limit_has_no_body(self, connector: Connector) -> None:
        """The limit is on the bytes as sent: one that fits exactly is sent, one byte more is not."""
        body = build(EVENT, connector).body
        assert body is not None

        fits = build_report(EVENT, connector, companies=(), max_bytes=len(body))
        over = build_report(EVENT, connector, companies=(), max_bytes=len(body) - 1)

        assert fits.body == body
        assert (over.body, over.content_type) == (None, connector.content_type.value)
        assert re.search(rf"{len(body):,} bytes.*{len(body) - 1:,}", over.error or "")

    def test_a_contract_that_is_gone_can_only_tell_its_envelope(self) -> None:
        """Without a document there is no contract to report, and the words say so."""
        event = replace(EVENT, document=None)

        assert "gone" in (build(event).error or "")
        assert build(event, replace(CONNECTOR, data=DataChoice.STATUS)).body is not None

    def test_an_event_whose_json_could_not_be_read_can_only_tell_its_envelope(self) -> None:
        """One contract's absurd document costs one report, with the reason, and no other event anything."""
        event = replace(EVENT, document={}, changed=None, detail=None, unreadable="nested too deeply")

        assert build(event).error == "the report can't be built: nested too deeply"
        assert build(event, replace(CONNECTOR, data=DataChoice.STATUS)).body is not None

    @pytest.mark.parametrize("connector", [CONNECTOR, FORM])
    def test_values_that_no_report_can_say_are_told_in_words(self, connector: Connector) -> None:
        """Too deep, not a number, no JSON type: each is an error of this report alone."""
        deep: list[Any] = []
        for _ in range(100_000):
            deep = [deep]
        for value in (deep, Decimal("NaN"), object()):
            report = build(replace(EVENT, document={"x": value}), connector)

            assert report.body is None
            assert (report.error or "").startswith("the report can't be built: ")

    def test_a_very_long_value_is_sent_whole(self) -> None:
        """Length alone is no fault below the limit."""
        text = "ß" * 1_000_000

        assert told(replace(EVENT, document={"x": text}))["contract"]["x"] == text

    @given(st.text(st.characters(exclude_categories=())))
    def test_no_text_breaks_a_report(self, text: str) -> None:
        """Any text can be reported, in both content types."""
        event = replace(EVENT, document={text: text}, status=text, detail=text)

        assert told(event)["detail"] == text
        assert build(event, FORM).body is not None
