"""Two people at one connector: what is told, what is taken, and that nothing typed is lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from pydantic import SecretStr

from outbox.connector import ConnectorSpec
from outbox.connector_change import changes, history
from outbox.connector_form import Draft, HeaderDraft, SecretChoice, SecretDraft, draft_of
from outbox.connector_merge import Conflict, Take, Version, meanwhile, merged, spec_on_record, taken
from tests.connectors import spec
from tests.specs import specs

NAMES = {"1": "Provider BU", "2": "Retail"}


def version(number: int, old: ConnectorSpec, new: ConnectorSpec, **more: Any) -> Version:
    """A version as history keeps it."""
    at = datetime(2026, 11, 25, tzinfo=UTC)
    return Version(number, "edit", at, "bob", "page", {**history(new, changes(old, new)), **more})


def conflict(read: ConnectorSpec, stands: ConnectorSpec) -> Conflict:
    """What bob made of it meanwhile, from history as the page has it."""
    made = version(2, read, stands)
    return Conflict(spec_on_record(history(read, ())), spec_on_record(made.spec), (made,))


@given(specs())
def test_a_connector_on_record_has_the_form_of_the_one_that_stands(standing: ConnectorSpec) -> None:
    """History, read back, differs in nothing that a form shows, but that the values of secrets are not in it."""
    read = spec_on_record(json.loads(json.dumps(history(standing, ()))))

    assert draft_of(read) == draft_of(standing)


def test_what_one_left_alone_becomes_what_the_other_made_it() -> None:
    """And what both changed stays as it was typed; both are told."""
    found = conflict(
        spec(url="https://a.example/", timeout_seconds=10), spec(url="https://b.example/", timeout_seconds=20)
    )
    typed = replace(draft_of(found.read), url="https://mine.example/", company_fields=("vat",))

    form = merged(typed, found)

    assert (form.url, form.timeout_seconds, form.company_fields) == ("https://mine.example/", "20s", ("vat",))
    assert [(one.key, one.read, one.theirs, one.form, one.other) for one in meanwhile(form, found, NAMES)] == [
        ("url", "https://a.example/", "https://b.example/", "https://mine.example/", Take.THEIRS),
        ("timeout_seconds", "10s", "20s", "20s", Take.READ),
    ]


def test_each_field_can_be_taken_from_either() -> None:
    """Theirs over one's own, or what was read over theirs; the form's own stays where nothing else is chosen."""
    found = conflict(
        spec(url="https://a.example/", timeout_seconds=10), spec(url="https://b.example/", timeout_seconds=20)
    )
    form = merged(replace(draft_of(found.read), url="https://mine.example/"), found)

    assert taken(form, found, {"url": Take.THEIRS}).url == "https://b.example/"
    assert taken(form, found, {"timeout_seconds": Take.READ}).timeout_seconds == "10s"
    assert taken(form, found, {"url": Take.FORM}) == form


def test_a_secret_that_was_replaced_is_told_and_kept() -> None:
    """Nobody sees it, the form keeps what stands now, and the one that is gone can't be taken back."""
    found = conflict(spec(secret="one"), spec(secret="two"))

    [told] = meanwhile(merged(draft_of(found.read), found), found, NAMES)

    assert (told.key, told.read, told.theirs, told.form, told.other) == (
        "secret", "kept as it is", "changed", "kept as it is", None,
    )  # fmt: skip
    mine = replace(draft_of(found.read), secret=SecretDraft(SecretChoice.REPLACE, "mine"))
    [told] = meanwhile(merged(mine, found), found, NAMES)
    assert (told.form, told.other) == ("a new one", Take.THEIRS)
    assert taken(mine, found, {"secret": Take.THEIRS}).secret == SecretDraft(SecretChoice.KEEP)


def test_a_secret_header_that_was_replaced_is_told_without_its_value() -> None:
    """Beside the open ones."""
    found = conflict(spec(headers={"X-Key": "one", "X-Team": "a"}), spec(headers={"X-Key": "two", "X-Team": "a"}))

    [told] = meanwhile(draft_of(found.read), found, NAMES)

    assert (told.key, told.theirs, told.form) == ("headers", "changed", "X-Key: (secret), X-Team: a")


def test_a_secret_that_came_or_went_is_merged() -> None:
    """A form that left it alone follows; SecretStr of the one that stands is nowhere in it."""
    came = conflict(spec(), spec(secret=SecretStr("two")))
    went = conflict(spec(secret="one"), spec())

    assert merged(draft_of(came.read), came).secret == SecretDraft(SecretChoice.KEEP)
    assert merged(draft_of(went.read), went).secret == SecretDraft(SecretChoice.REPLACE)


def test_order_of_units_and_blank_rows_are_no_changes() -> None:
    """So they are no reason to keep a form's value against another's."""
    found = conflict(spec(business_units=["1", "2"], headers={}), spec(business_units=["1"], headers={"X-Team": "a"}))
    typed = replace(draft_of(found.read), business_units=("2", "1"), headers=(HeaderDraft(),))

    form = merged(typed, found)

    assert (form.business_units, form.headers) == (("1",), (HeaderDraft("X-Team", "a"),))
    [units, headers] = meanwhile(form, found, NAMES)
    assert (units.read, units.theirs) == ("Provider BU, Retail", "Provider BU")
    assert (headers.read, headers.theirs) == ("none", "X-Team: a")


def test_enabling_is_no_conflict() -> None:
    """A form of a standing connector has no such field."""
    assert conflict(spec(enabled=True), spec(enabled=False)).fields() == []


def test_every_choice_of_the_form_is_told_in_the_page_words() -> None:
    """Not as the database has it."""
    found = conflict(
        spec(),
        spec(
            ssl_verification=False, data="status", schedule=[], field_mapping=[{"field": "amount", "property": "Deal"}]
        ),
    )

    told = {one.key: (one.read, one.theirs) for one in meanwhile(Draft(), found, NAMES)}

    assert told == {
        "ssl_verification": ("Enable SSL verification", "Disable SSL verification"),
        "data": ("Send me everything", "Only Update Status"),
        "field_mapping": ("none", "amount -> Deal"),
        "schedule": ("the service's own", "one attempt, no retry"),
    }
