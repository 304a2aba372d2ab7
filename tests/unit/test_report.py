"""The report: its words, their order, and the bytes."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox import canonical
from outbox.model import (
    Company,
    Connector,
    ContentType,
    DataChoice,
    Event,
    FieldMapping,
    FormStyle,
    Report,
    Trigger,
)
from outbox.report import ENVELOPE, SECTIONS, build_report, company_ids, mapping_faults

DOCUMENT = canonical.loads(
    """{"contract_id": "c-1", "business_unit": "bu-1", "status": "sent", "company": 17,
        "number": "2025-001", "amount": 1234567890123456789.1234567890, "count": 9007199254740993, "title": null,
        "recipient": {"email": "ada@example.com", "name": "Ada"}, "items": [{"price": 12.50}, {"price": 0.10}]}"""
)
COMPANY = Company(id="17", name="Größe GmbH", business_unit="bu-1", fields={"vat": "DE1", "size": Decimal("1.0")})

EVENT = Event(
    id=12,
    occurred_at=datetime(2025, 11, 24, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1))),
    xid=700,
    snapshot="701:701:",
    trigger=Trigger.UPDATE,
    contract_id="c-1",
    business_unit="bu-1",
    status="sent",
    changed={"amount": [Decimal("1.50"), Decimal("2.00")], "notes": None},
    detail={"by": "Ada"},
    document=DOCUMENT,
)
ENVELOPE_JSON = (
    '"id":12,"trigger":"update","occurred_at":"2025-11-24T00:02:03.000004Z",'
    '"business_unit":"bu-1","contract_id":"c-1","status":"sent"'
)
CONNECTOR = Connector(
    id=1,
    version=1,
    name="crm",
    business_units=("bu-1",),
    triggers=frozenset(Trigger),
    url="https://example.com/webhook",
)
FORM = replace(CONNECTOR, content_type=ContentType.FORM)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
FIELDS = st.sampled_from([*DOCUMENT, "lacking"])
PROPERTIES = st.text(st.sampled_from("abé."), max_size=5) | st.sampled_from(["a[b]", " ", *ENVELOPE, *SECTIONS])


def build(event: Event = EVENT, connector: Connector = CONNECTOR, *, companies: tuple[Company, ...] = ()) -> Report:
    """Build a report without a limit that matters."""
    return build_report(event, connector, companies=companies, max_bytes=10**9)


def told(event: Event = EVENT, connector: Connector = CONNECTOR, *, companies: tuple[Company, ...] = ()) -> Any:
    """Build a JSON report and read it as a receiver does."""
    body = build(event, connector, companies=companies).body
    assert body is not None
    return canonical.loads(body)


def posted(event: Event = EVENT, connector: Connector = FORM) -> list[tuple[str, str]]:
    """Build a form report and read its fields as a receiver does."""
    body = build(event, connector, companies=(COMPANY,)).body
    assert body is not None
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def mapped(*lines: tuple[str, str]) -> Connector:
    """Give the connector a field mapping."""
    return replace(CONNECTOR, field_mapping=tuple(FieldMapping(field, prop) for field, prop in lines))


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
    connector = replace(mapped(("amount", "DealValue")), data=DataChoice.STATUS, company_fields=("vat",))

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


class TestMapping:
    """Field mapping moves contract fields to properties."""

    def test_mapped_properties_stand_between_envelope_and_contract_in_the_mappings_order(self) -> None:
        """A mapped field leaves `contract`; dots nest; the order is the integrator's."""
        report = told(connector=mapped(("title", "z"), ("amount", "Deal.Value"), ("count", "Deal.Count")))

        assert list(report) == [*ENVELOPE, "z", "Deal", "contract", "changed", "detail", "company"]
        assert report["Deal"] == {"Value": DOCUMENT["amount"], "Count": 9007199254740993}
        assert list(report["contract"]) == ["number", "recipient", "items"]

    def test_a_field_that_the_contract_lacks_is_null(self) -> None:
        """The receiver can rely on the property being there."""
        report = told(connector=mapped(("lacking", "a"), ("recipient.phone", "b"), ("number.x", "c"), ("items.0", "d")))

        assert [report[name] for name in "abcd"] == [None] * 4

    def test_a_dotted_field_reaches_into_nested_objects(self) -> None:
        """`recipient.email` is moved out of `recipient`, whose other keys stay; the event stays as it was."""
        report = told(connector=mapped(("recipient.email", "Mail")))

        assert report["Mail"] == "ada@example.com"
        assert report["contract"]["recipient"] == {"name": "Ada"}
        assert DOCUMENT["recipient"]["email"] == "ada@example.com"

    def test_a_field_name_with_a_dot_is_a_key_first(self) -> None:
        """A column named `recipient.email` goes before the path of the same spelling."""
        document = {**DOCUMENT, "recipient.email": "key"}

        report = told(replace(EVENT, document=document), mapped(("recipient.email", "Mail")))

        assert report["Mail"] == "key"
        assert report["contract"]["recipient"] == DOCUMENT["recipient"]

    def test_an_object_and_a_part_of_it_can_both_be_mapped(self) -> None:
        """Each property gets what the contract says, whatever the other took."""
        report = told(connector=mapped(("recipient", "Who"), ("recipient.email", "Mail"), ("recipient.email", "Copy")))

        assert report["Who"] == DOCUMENT["recipient"]
        assert report["Mail"] == report["Copy"] == "ada@example.com"
        assert "recipient" not in report["contract"]

    def test_a_field_of_the_envelope_is_copied(self) -> None:
        """Status, unit, id and company may be mapped, and the envelope stays whole."""
        report = told(connector=mapped(("status", "Stage"), ("company", "Account")))

        assert (report["status"], report["Stage"], report["Account"]) == ("sent", "sent", 17)


class TestMappingFaults:
    """A mapping that would hide or overwrite a part of the report is refused by name."""

    @pytest.mark.parametrize("name", [*ENVELOPE, *SECTIONS])
    def test_no_property_may_touch_a_name_of_the_report(self, name: str) -> None:
        """Neither the name itself nor a path below it."""
        for prop in (name, f"{name}.x"):
            [fault] = mapping_faults([FieldMapping("amount", prop)])

            assert repr(prop) in fault
            assert repr(name) in fault

    @pytest.mark.parametrize("prop", ["", ".", "a.", ".a", "a..b", " ", "a. b", "a\x00", "a[b]", "\ud800"])
    def test_a_property_must_be_a_name_or_names_joined_by_dots(self, prop: str) -> None:
        """Empty parts, brackets (which forms nest with) and unprintable characters are refused."""
        [fault] = mapping_faults([FieldMapping("amount", prop)])

        assert repr(prop) in fault

    def test_a_mapping_names_a_field(self) -> None:
        """An empty field name says nothing."""
        [fault] = mapping_faults([FieldMapping(" ", "DealValue")])

        assert "'DealValue'" in fault

    @pytest.mark.parametrize("props", [("a", "a"), ("a.b", "a.b"), ("a", "a.b"), ("a.b.c", "a.b")])
    def test_properties_must_not_meet(self, props: tuple[str, str]) -> None:
        """Equal properties, or one nested into another, would lose a value."""
        [fault] = mapping_faults([FieldMapping("x", props[0]), FieldMapping("y", props[1])])

        assert all(repr(prop) in fault for prop in props)

    def test_a_good_mapping_has_no_fault(self) -> None:
        """One field may fill two properties, and names may begin alike."""
        lines = [("amount", "DealValue"), ("amount", "a.b"), ("title", "a.bc"), ("number", "ID"), ("x", "contracts")]

        assert mapping_faults([FieldMapping(*line) for line in lines]) == []

    @given(st.lists(st.builds(FieldMapping, FIELDS, PROPERTIES), max_size=4))
    def test_a_mapping_without_fault_loses_nothing(self, lines: list[FieldMapping]) -> None:
        """Where no fault is found every property holds its field, and every name of the report stays itself."""
        connector = replace(CONNECTOR, field_mapping=tuple(lines))
        if mapping_faults(lines):
            return
        plain = told()

        report = told(connector=connector)

        assert [plain[name] for name in ENVELOPE] == [report[name] for name in ENVELOPE]
        assert {name: plain[name] for name in ("changed", "detail", "company")}.items() <= report.items()
        for line in lines:
            found = report
            for part in line.property.split("."):
                found = found[part]
            assert found == DOCUMENT.get(line.field)


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


def leaves(name: str, value: Any) -> list[tuple[str, str]]:
    """Flatten a JSON value, by the rules as documented: the reference for forms."""
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in leaves(f"{name}[{key}]" if name else key, inner)]
    if isinstance(value, list) and value:
        return [leaf for place, inner in enumerate(value) for leaf in leaves(f"{name}[{place}]", inner)]
    if value is None or value == [] or value == {}:
        return [(name, "")]
    return [(name, str(value).lower() if isinstance(value, bool) else str(value))]


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
