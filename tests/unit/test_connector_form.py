"""The configuration page's form: what it asks for, what of it is at fault, its rows, and two editors at once."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import SecretStr

from outbox.connector import KEPT, ConnectorSpec, FieldError
from outbox.connector_asked import AGAIN, asked_by, by_field, joined, proposed_name
from outbox.connector_change import changes
from outbox.connector_form import Draft, HeaderDraft, MappingDraft, SecretChoice, SecretDraft, draft_of, read_draft
from outbox.connector_input import parse_spec
from outbox.connector_rows import is_row_act, mapping_json, mapping_rows, rearranged
from outbox.errors import ConfigurationError
from tests.connectors import spec
from tests.specs import specs

EXAMPLE = [
    ("business_units", "Provider BU"), ("triggers", "create"), ("triggers", "update"), ("triggers", "send"),
    ("url", "https://example.com/webhook"), ("content_type", "application/json"), ("secret", "your_secret_key"),
    ("ssl_verification", "enable"), ("data", "everything"), ("name", "Provider"),
]  # fmt: skip
"""The source document's example, as a browser sends it."""


def never(_: str, __: str) -> str | None:
    """Opens nothing."""
    return None


def asked(draft: Draft, standing: ConnectorSpec | None = None) -> ConnectorSpec:
    """The spec that a form without faults asks for."""
    found = asked_by(draft, standing)
    assert found.faults == {}
    return parse_spec(found.values, label="connector")


@given(specs())
def test_any_connector_survives_its_form(standing: ConnectorSpec) -> None:
    """A form that nobody touched asks for what stands: no change, and every secret kept."""
    again = asked(draft_of(standing), standing)

    assert changes(standing, again) == ()
    assert again.secret is (None if standing.secret is None else KEPT)
    assert again.signing_secret is (None if standing.signing_secret is None else KEPT)


def test_the_page_example_is_read_as_it_stands() -> None:
    """What the source document types becomes that connector; what it doesn't say has the page's defaults."""
    found = asked(read_draft(EXAMPLE, never))

    assert found == parse_spec(
        {
            "name": "Provider",
            "business_units": ["Provider BU"],
            "triggers": ["create", "update", "send"],
            "url": "https://example.com/webhook",
            "secret": "your_secret_key",
        },
        label="x",
    )


def test_what_was_typed_before_is_opened_where_nothing_new_was() -> None:
    """A secret outlives a page that shows errors; a new one goes before it; one that is gone is asked for again."""
    pairs = [("secret_sealed", "sealed"), ("header_name", "X-Key"), ("header_value", ""), ("header_sealed", "sealed")]
    opened = read_draft(pairs, lambda field, sealed: f"{field} of {sealed}")
    typed = read_draft([*pairs, ("secret", "new")], lambda *_: "old")
    lost = asked_by(read_draft(pairs, never))

    assert (opened.secret.typed, opened.headers[0].value) == ("secret of sealed", "headers of sealed")
    assert typed.secret.typed == "new"
    assert lost.faults == {"secret": (AGAIN,), "headers": (f"header 'X-Key': {AGAIN}",)}


def test_a_secret_is_not_opened_under_a_name_that_would_show_it() -> None:
    """A header renamed from a secret's name to an open one's asks for its value again."""
    pairs = [("header_name", "X-Team"), ("header_value", ""), ("header_sealed", "sealed")]

    assert read_draft(pairs, lambda *_: "hush").headers == (HeaderDraft("X-Team", "", lost=True),)


@pytest.mark.parametrize(
    ("choice", "typed", "wanted"),
    [
        (SecretChoice.KEEP, "ignored", KEPT),
        (SecretChoice.REPLACE, "new", SecretStr("new")),
        (SecretChoice.REMOVE, "ignored", None),
    ],
)
def test_a_secret_is_kept_replaced_or_removed(choice: SecretChoice, typed: str, wanted: object) -> None:
    """As the radio buttons say."""
    standing = spec(secret="old")

    assert asked_by(Draft(secret=SecretDraft(choice, typed)), standing).values["secret"] == wanted


@pytest.mark.parametrize(
    ("draft", "key", "words"),
    [
        (Draft(secret=SecretDraft(SecretChoice.REPLACE)), "secret", "expected a new one, got none"),
        (Draft(ssl_verification="disable"), "ssl_verification", "expected your word"),
        (Draft(ssl_verification="perhaps"), "ssl_verification", "expected enable or disable, got 'perhaps'"),
        (Draft(timeout_seconds="soon"), "timeout_seconds", "a duration such as 5m or 1h30m, got 'soon'"),
        (Draft(retries="never"), "schedule", "expected own or service, got 'never'"),
        (Draft(headers=(HeaderDraft("X-New-Key", ""),)), "headers", "expected a value, got none"),
        (Draft(headers=(HeaderDraft("A", "1"), HeaderDraft("A", "2"))), "headers", "expected each header once"),
    ],
)
def test_what_the_form_alone_can_see_is_told_of_its_field(draft: Draft, key: str, words: str) -> None:
    """Faults that a connector's own rules never meet."""
    [found] = asked_by(draft, spec(secret="old")).faults[key]

    assert words in found


def test_verification_that_is_off_already_needs_no_word_again() -> None:
    """Who edits something else is not asked for what was confirmed before."""
    assert asked_by(Draft(ssl_verification="disable"), spec(ssl_verification=False)).faults == {}


def faults_of(**values: Any) -> dict[str, tuple[str, ...]]:
    """Faults of a connector, by field."""
    with pytest.raises(ConfigurationError) as refused:
        parse_spec({"name": "x", "business_units": ["1"], "triggers": ["send"], "url": "", **values}, label="connector")
    return by_field(refused.value.faults)


def test_faults_find_their_fields_in_the_page_own_words() -> None:
    """Of a list by its place; nothing that only files know is said."""
    found = faults_of(business_units=[], schedule=["5s", "x"], headers={"Host": "a"}, field_mapping=[{"field": "a"}])

    assert set(found) == {"business_units", "url", "schedule", "headers", "field_mapping"}
    assert found["business_units"] == ("expected at least one business unit, got none",)
    assert found["schedule"][0].startswith("pause 2: expected seconds or a duration")
    assert "; fill it in" in found["field_mapping"][0]


def test_faults_without_a_field_stay_whole() -> None:
    """A sentence with a colon in it is not taken for a field's."""
    assert by_field(["the source: gone"]) == {"": ("the source: gone",)}
    assert list(joined({"url": ("a",), "": ("b",)}, {"name": ("c",), "url": ("a", "d")}).items()) == [
        ("name", ("c",)), ("url", ("a", "d")), ("", ("b",)),
    ]  # fmt: skip


def test_a_name_is_proposed_that_nobody_has() -> None:
    """Of the first business unit and the host; a number where it is taken; always one that is allowed."""
    taken = {"Provider BU to example.com", "Provider BU to example.com 2"}

    assert proposed_name("https://example.com/webhook", ["Provider BU"], taken) == "Provider BU to example.com 3"
    assert proposed_name("http://[", [], ()) == "Webhook"
    assert spec(name=proposed_name("https://x.example/", ["\n" + "u" * 400], ())).name


def test_rows_are_added_moved_and_removed() -> None:
    """One step at a time, and not beyond an end."""
    draft = Draft(company_fields=("a", "b", "c"))

    assert rearranged(draft, "company_fields.up.2").company_fields == ("a", "c", "b")
    assert rearranged(draft, "company_fields.up.0").company_fields == ("a", "b", "c")
    assert rearranged(draft, "company_fields.down.0").company_fields == ("b", "a", "c")
    assert rearranged(draft, "company_fields.down.2").company_fields == ("a", "b", "c")
    assert rearranged(draft, "company_fields.remove.1").company_fields == ("a", "c")
    assert rearranged(draft, "company_fields.remove.9").company_fields == ("a", "b", "c")
    assert rearranged(draft, "company_fields.add").company_fields == ("a", "b", "c", "")


def test_only_acts_on_rows_are_acts_on_rows() -> None:
    """A button's word that was made up changes nothing."""
    assert all(map(is_row_act, ("headers.add", "field_mapping.down.3")))
    assert not any(map(is_row_act, ("save", "url.up.1", "headers.add.1", "headers.up", "headers.up.x", "name.add")))


def test_a_mapping_is_written_as_json_that_reads_back() -> None:
    """Blank lines are left out; an object is read as well."""
    rows = (MappingDraft("amount", "Deal.Value"), MappingDraft('"quoted"', "ü"))

    assert mapping_rows(mapping_json((*rows, MappingDraft()))) == rows
    assert mapping_rows('{"amount": "DealValue"}') == (MappingDraft("amount", "DealValue"),)
    assert mapping_rows(mapping_json(())) == ()


@pytest.mark.parametrize(
    "written", ["", "[", "5", '["amount"]', '[{"field": "a"}]', '[{"field": "a", "property": 5}]', "[" * 100_000]
)
def test_json_that_is_no_mapping_is_refused_in_words(written: str) -> None:
    """With an example of what is expected."""
    with pytest.raises(FieldError, match="expected a JSON array such as"):
        mapping_rows(written)
