"""Field mapping: what it does to a report, and what is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.model import Connector, FieldMapping
from outbox.report import ENVELOPE, SECTIONS, mapping_faults
from tests.report_sample import CONNECTOR, DOCUMENT, EVENT, told

FIELDS = st.sampled_from([*DOCUMENT, "lacking"])
PROPERTIES = st.text(st.sampled_from("abé."), max_size=5) | st.sampled_from(["a[b]", " ", *ENVELOPE, *SECTIONS])


def mapped(*lines: tuple[str, str]) -> Connector:
    """Give the connector a field mapping."""
    return replace(CONNECTOR, field_mapping=tuple(FieldMapping(field, prop) for field, prop in lines))


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
