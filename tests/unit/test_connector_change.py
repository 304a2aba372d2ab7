"""How connectors differ, what history and files say of them, and how they stand to the source."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.connector import KEPT, ConnectorSpec
from outbox.connector_change import Change, changes, history
from outbox.connector_check import BusinessUnit, SourceNames, check, field_warnings
from outbox.connector_input import parse_spec, read_connector
from outbox.connectors_export import export
from outbox.model import Trigger

LEAST: dict[str, Any] = {
    "name": "CRM",
    "business_units": ["bu-1"],
    "triggers": ["send"],
    "url": "https://crm.example/hook",
}
SIGNING = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


def spec(**values: object) -> ConnectorSpec:
    """A sound connector but for `values`."""
    return parse_spec(LEAST | values, label="x")


def test_changes_name_fields_and_never_secrets() -> None:
    """A difference tells before and after in words, of secrets only that they changed."""
    old = spec(secret="hush-1", headers={"X-Api-Key": "hush-2", "X-Colour": "red"}, schedule=[5])
    new = spec(
        business_units=["bu-1", "bu-2"],
        secret="hush-3",
        signing_secret=SIGNING,
        headers={"X-Api-Key": KEPT, "X-Colour": "blue"},
        field_mapping=[{"field": "amount", "property": "DealValue"}],
        enabled=None,
    )

    assert changes(old, new) == (
        Change("business_units", "bu-1", "bu-1, bu-2"),
        Change("secret", "set", "changed"),
        Change("field_mapping", "none", "amount -> DealValue"),
        Change("schedule", "5s", "the service's own"),
        Change("headers.X-Colour", "red", "blue"),
        Change("signing_secret", "none", "set"),
    )


def test_the_same_connector_does_not_differ() -> None:
    """Nor does one whose units stand in another order, whose secrets are kept or that doesn't say whether it sends."""
    old = spec(business_units=["a", "b"], secret="hush", signing_secret=SIGNING, enabled=False)
    new = spec(business_units=["b", "a"], secret=KEPT, signing_secret=SIGNING)

    assert changes(old, new) == ()


def test_a_secret_that_is_removed_is_told() -> None:
    """Leaving a secret out takes it away."""
    assert changes(spec(secret="hush"), spec()) == (Change("secret", "set", "none"),)


def test_history_holds_every_field_and_no_secret() -> None:
    """A version tells what was set and what changed, not what it was."""
    new = spec(secret="hush-1", headers={"X-Api-Key": "hush-2", "X-Colour": "red"})

    kept = history(new, changes(spec(), new))

    assert set(ConnectorSpec.model_fields) <= set(kept)
    assert (kept["secret"], kept["signing_secret"]) == ("set", "none")
    assert kept["secret_changed"] is True
    assert "signing_secret_changed" not in kept
    assert kept["headers"] == {"X-Api-Key": {"secret": "set"}, "X-Colour": "red"}
    assert kept["headers_changed"] == ["X-Api-Key"]
    assert "hush" not in repr(kept)


UNITS = (
    BusinessUnit("1", "Provider BU"),
    BusinessUnit("2", "Retail"),
    BusinessUnit("3", "Retail"),
    BusinessUnit("4", None),
    BusinessUnit("5", "4"),
)
SOURCE = SourceNames(UNITS, frozenset({Trigger.SEND}), frozenset({"title", "amount", "items"}))


@pytest.mark.parametrize(
    ("written", "ids"), [(["Provider BU"], ("1",)), (["2", "5"], ("2", "5")), (["*"], ("*",)), ("*", ("*",))]
)
def test_business_units_are_kept_by_id(written: object, ids: tuple[str, ...]) -> None:
    """An id or an unambiguous name; all of them as `*`."""
    assert check(spec(business_units=written), SOURCE).spec.business_units == ids


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (["Retail"], "got 'Retail', a name that 2 have; use an id: 2, 3"),
        (["Provder BU"], "did you mean 'Provider BU'?"),
        (["zzz"], "known: 1, 2, 3, 4, 5, Provider BU, Retail (--allow-unknown"),
        (["4"], "got '4', the id of one and the name of 5; give the other word of the one meant"),
        (["1", "Provider BU"], "once, got '1' by id and by name"),
    ],
)
def test_business_units_that_mean_none_or_several_are_refused(written: list[str], words: str) -> None:
    """With the ids that are meant, or the nearest name."""
    [fault] = check(spec(business_units=written), SOURCE).faults

    assert fault.startswith("business_units: expected")
    assert words in fault


def test_units_to_come_are_taken_when_allowed() -> None:
    """--allow-unknown takes an unknown unit as an id, never an ambiguous name; what stands already is taken too."""
    assert check(spec(business_units=["zzz"]), SOURCE, allow_unknown=True).spec.business_units == ("zzz",)
    assert check(spec(business_units=["zzz"]), SOURCE, standing_units=["zzz"]).faults == ()
    assert check(spec(business_units=["Retail"]), SOURCE, allow_unknown=True).faults != ()


def test_without_a_source_units_need_leave() -> None:
    """Before the first install nothing can be looked up, and that is said."""
    [fault] = check(spec(), SourceNames()).faults

    assert "expected an installed source to look up 'bu-1' in, got none" in fault
    assert check(spec(), SourceNames(), allow_unknown=True).faults == ()
    assert check(spec(business_units=["*"]), SourceNames()).faults == ()


def test_what_the_source_will_not_give_is_warned_of() -> None:
    """A trigger that no rule captures and a field that no contract has are legal, and said."""
    mapping = [{"field": field, "property": f"p.{field}"} for field in ("amount", "items.price", "amuont")]
    checked = check(spec(business_units=["1"], triggers=["send", "review"], field_mapping=mapping), SOURCE)

    assert checked.faults == ()
    assert checked.warnings == (
        "triggers: no rule of the source mapping captures 'review' yet, so it will report nothing",
        "field_mapping: the contract query gives no 'amuont', so 'p.amuont' will be null; did you mean 'amount'?",
    )


def test_a_company_field_that_no_company_has_is_warned_of() -> None:
    """With the nearest that one has; where there is no company yet, that nothing was checked."""
    asked = spec(company_fields=["segment", "vat_numbr"])

    [warning] = field_warnings(asked, {"segment", "vat_number"})
    assert warning.startswith("company_fields: no company of these business units has 'vat_numbr', so it will be null")
    assert warning.endswith("did you mean 'vat_number'?")
    assert "were not checked" in field_warnings(asked, ())[0]


_words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(str.strip).filter(bool)


@given(
    name=_words.filter(str.isprintable),
    units=st.lists(_words.filter(lambda unit: unit != "*"), min_size=1, max_size=3, unique=True),
    triggers=st.lists(st.sampled_from(list(Trigger)), min_size=1, unique=True),
    fields=st.lists(_words, max_size=3, unique=True),
    schedule=st.none() | st.lists(st.integers(0, 100_000), max_size=3),
    rate=st.none() | st.floats(0.001, 10_000),
    timeout=st.floats(0.1, 300),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8),
)
def test_export_reads_back_as_the_same_connector(**values: Any) -> None:
    """Whatever stands in a connector, its file says the same."""
    old = spec(
        name=values["name"],
        business_units=values["units"],
        triggers=values["triggers"],
        company_fields=values["fields"],
        schedule=values["schedule"],
        rate_per_second=values["rate"],
        timeout_seconds=values["timeout"],
        headers={"X-Colour": values["value"], "X-Api-Key": "hush"},
        secret="hush",
        enabled=False,
    )

    [table] = tomllib.loads(export([old], [BusinessUnit(old.business_units[0], "Named")]))["connector"]
    new = read_connector(table, label="x", folder=Path(), read_variable=lambda _: "hush").spec

    assert changes(old, new) == ()


def test_export_gives_each_secret_a_variable_of_its_own() -> None:
    """Names that spell alike in capitals, or like a variable of ours, don't share one."""
    written = export([spec(name=name, secret="hush", url=LEAST["url"]) for name in ("a b", "a-b", "keys")])

    variables = [table["secret"]["env"] for table in tomllib.loads(written)["connector"]]
    assert variables == ["OUTBOX_SECRET_A_B", "OUTBOX_SECRET_A_B_2", "OUTBOX_SECRET_KEYS_2"]
    assert "hush" not in written
