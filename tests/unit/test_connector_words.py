"""A connector in words: its configuration, what versions changed, what restoring asks for; the bars of its course."""

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from outbox.connector import KEPT
from outbox.connector_change import Change, changes, history
from outbox.connector_words import configuration, in_sight, named, restored, spec_of, title_of, version_changes
from outbox.insight.connector_page import Course, Part
from outbox.web.pages.connector_chart import HEIGHT, WIDTH, bars
from tests.connectors import spec

RICH = spec(
    business_units=["1", "2"],
    triggers=["create", "send"],
    secret="hush",
    headers={"X-Api-Key": "hush-2", "X-Colour": "red"},
    field_mapping=[{"field": "amount", "property": "DealValue"}],
    schedule=[5, 60],
    company_fields=["vat"],
    rate_per_second=2.5,
    ssl_verification=False,
)


def test_configuration_shows_every_field_and_no_secret() -> None:
    """Business units by name, secrets as set or none, everything else in words."""
    lines = {one.key: one.value for one in configuration(RICH, units={"1": "Provider BU"}, old_signing_secret=True)}

    assert lines["business_units"] == "Provider BU, 2"
    assert lines["secret"] == "set"
    assert lines["signing_secret"] == "none"
    assert lines["headers"] == "X-Api-Key: set\nX-Colour: red"
    assert lines["ssl_verification"] == "Disable SSL verification"
    assert lines["schedule"] == "5s, 1m"
    assert lines["old_signing_secret"] == "set, until dropped"
    assert "hush" not in str(lines)


def test_a_version_reads_back_as_the_spec_that_it_kept() -> None:
    """But for its secrets, which stand as kept."""
    read = spec_of(history(RICH, ()))

    assert changes(RICH, read) == ()
    assert (read.secret, read.headers["X-Api-Key"], read.signing_secret) == (KEPT, KEPT, None)


def test_a_version_tells_what_it_changed_and_which_secrets() -> None:
    """A secret that another replaces is told by the mark that the version kept."""
    after = RICH.model_copy(update={"url": "https://new.example/", "secret": SecretStr("hush-3")})
    kept = history(after, changes(RICH, after))

    assert version_changes(history(RICH, ()), kept) == (
        Change("url", "https://crm.example/hook", "https://new.example/"),
        Change("secret", "set", "changed"),
    )


def test_the_first_version_tells_what_it_set() -> None:
    """What is none in it is not told."""
    told = {one.key: one.after for one in version_changes(None, history(spec(), ()))}

    assert told["url"] == "https://crm.example/hook"
    assert "company_fields" not in told


def test_business_units_out_of_sight_are_in_no_version() -> None:
    """All of them stays, since it says nothing of anybody."""
    kept = {"business_units": ["1", "2"]}

    assert in_sight(kept, ("1",)) == {"business_units": ["1"]}
    assert in_sight({"business_units": ["*"]}, ("1",)) == {"business_units": ["*"]}
    assert in_sight(kept, None) == kept
    assert named(kept, {"1": "Provider BU"}) == {"business_units": ["Provider BU", "2"]}


def test_restoring_keeps_the_secrets_of_today() -> None:
    """One that was set since stays, one that is gone isn't asked for, nor a header whose value was not kept."""
    old = history(spec(headers={"X-Api-Key": "hush", "X-Team": "a"}, url="https://old.example/"), ())
    standing = spec(secret="new", signing_secret="a" * 24)

    asked = restored(old, standing)

    assert changes(standing, asked) == (
        Change("url", "https://crm.example/hook", "https://old.example/"),
        Change("headers.X-Team", "none", "a"),
    )
    assert asked.enabled is None


def test_fields_are_called_as_on_the_configuration_page() -> None:
    """A header by its name; what is no field by its words."""
    assert title_of("business_units") == "Business Units"
    assert title_of("headers.X-Team") == "Headers: X-Team"
    assert title_of("disabled_reason") == "Disabled reason"


def part(n: int, attempts: int, ok: int) -> Part:
    """The n-th hour of a day."""
    return Part(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n), attempts, ok, 0, None)


def test_bars_stand_within_the_chart_and_show_the_least_failure() -> None:
    """The highest is as high as the chart, one failure in a thousand can still be seen, a quiet part has no height."""
    shown = bars(Course(part(0, 1500, 1498), (part(0, 1000, 999), part(1, 500, 499), part(2, 0, 0)), cut=False))

    assert shown[0].ok_height + shown[0].failed_height == HEIGHT
    assert min(shown[0].failed_height, shown[1].failed_height) >= 2
    assert (shown[2].ok_height, shown[2].failed_height) == (0, 0)
    assert all(one.failed_y >= 0 and one.x + one.width <= WIDTH for one in shown)
    assert bars(Course(part(0, 0, 0), (part(0, 0, 0),), cut=False)) == ()
