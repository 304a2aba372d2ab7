"""Connectors: what may be asked of one, how two differ, what is written of them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from outbox.connector import KEPT, ConnectorSpec
from outbox.connector_input import parse_spec, read_connector
from outbox.errors import ConfigurationError
from outbox.model import ContentType, DataChoice, Trigger

PAGE_EXAMPLE = """
name = "Provider"
business_units = ["Provider BU"]
triggers = ["create", "update", "send"]
url = "https://example.com/webhook"
content_type = "application/json"
secret = { env = "PROVIDER_SECRET" }
ssl_verification = true
data = "everything"
"""
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


def faults(**values: object) -> list[str]:
    """What is refused of a connector that is sound but for `values`."""
    with pytest.raises(ConfigurationError) as refused:
        spec(**values)
    return list(refused.value.faults)


def test_the_page_example_is_read_verbatim() -> None:
    """The configuration page's own example, secret by reference, is a connector."""
    written = read_connector(
        tomllib.loads(PAGE_EXAMPLE), label="x", folder=Path(), read_variable={"PROVIDER_SECRET": "your_secret_key"}.get
    )

    assert written.missing == {}
    assert written.spec.business_units == ("Provider BU",)
    assert written.spec.triggers == (Trigger.CREATE, Trigger.UPDATE, Trigger.SEND)
    assert written.spec.url == "https://example.com/webhook"
    assert written.spec.content_type is ContentType.JSON
    assert written.spec.secret == SecretStr("your_secret_key")
    assert written.spec.ssl_verification is True
    assert written.spec.data is DataChoice.EVERYTHING


def test_defaults_are_those_of_the_page() -> None:
    """What the page preselects is what a connector is that doesn't say."""
    least = spec()

    assert (least.content_type, least.ssl_verification, least.data) == (ContentType.JSON, True, DataChoice.EVERYTHING)
    assert (least.username, least.secret, least.signing_secret) == ("webhook", None, None)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("name", "", "expected a name of 1 to 200"),
        ("name", " CRM", "without space around it"),
        ("name", "C\nRM", "printable"),
        ("business_units", [], "expected at least one business unit or '*' for all, got none"),
        ("business_units", ["*", "a"], "expected '*' alone"),
        ("business_units", ["a", "a"], "expected each business unit once, got 'a' again"),
        ("business_units", [""], "got an empty text"),
        ("triggers", [], "expected at least one of create, update, send, review, expired"),
        ("triggers", ["creat"], "'create', 'update', 'send', 'review' or 'expired'; got 'creat'"),
        ("url", "ftp://crm.example/", "https://"),
        ("url", "https://me:pw@crm.example/", "without user name and password"),
        ("content_type", "text/plain", "'application/json' or 'application/x-www-form-urlencoded'"),
        ("ssl_verification", "no", "true or false; got 'no'"),
        ("data", "all", "'status' or 'everything'; got 'all'"),
        ("username", "a:b", "without colon"),
        ("secret", "", "got an empty one"),
        ("secret", "a\nb", "of one line"),
        ("triggers", "create", "expected a list; got 'create'"),
        ("signing_secret", "short", "signing secret: expected 24 to 64 bytes"),
        ("company_fields", ["vat", "vat"], "expected each company extra field once"),
        ("field_mapping", [{"field": "amount", "property": "contract.amount"}], "contract"),
        ("field_mapping", [{"field": "amount", "property": "id"}], "id"),
        ("max_in_flight", 0, "greater than or equal to 1; got 0"),
        ("max_in_flight", 1.5, "got 1.5"),
        ("rate_per_second", 0, "greater than 0; got 0"),
        ("rate_per_second", float("inf"), "finite"),
        ("timeout_seconds", 301, "less than or equal to 300; got 301"),
        ("timeout_seconds", float("nan"), "finite"),
        ("schedule", ["5x"], "a duration such as 5m or 1h30m, got '5x'"),
        ("schedule", [-1], "greater than or equal to 0"),
        ("headers", {"Host": "a"}, "'Host'"),
        ("headers", {"X-A": "a\r\nX-B: b"}, "in one line"),
        ("headers", {"X-A": 5}, "expected a text, got int"),
        ("headers", {"webhook-id": "5"}, "webhook-*"),
    ],
)
def test_what_a_connector_may_not_be_is_refused_in_words(key: str, value: object, words: str) -> None:
    """Each rule names the connector, the key, what was expected and what came."""
    found = faults(**{key: value})

    assert len(found) == 1
    assert found[0].startswith(f"x: {key}")
    assert words in found[0]


@pytest.mark.parametrize("key", ["name", "business_units", "triggers", "url"])
def test_mandatory_keys_are_asked_for(key: str) -> None:
    """No business unit, no trigger, no URL, no name: no connector."""
    values = {known: value for known, value in LEAST.items() if known != key}

    with pytest.raises(ConfigurationError, match=f"x: {key}: expected a value, got none"):
        parse_spec(values, label="x")


def test_every_fault_is_told_at_once() -> None:
    """Whoever mends a connector is not sent round again for each fault."""
    found = faults(url="ftp://me:pw@x/#y", triggers=[], timeout=5, headers={"Host": "a", "te": "b"})

    assert len(found) == 7
    assert "x: timeout: unknown key; did you mean 'timeout_seconds'?" in found


def test_an_own_authorization_beside_a_secret_is_refused() -> None:
    """A secret sets that header; alone it may be one's own, and is a secret then."""
    assert "Authorization" in faults(secret="hush", headers={"Authorization": "Bearer x"})[0]

    assert spec(headers={"Authorization": "Bearer x"}).headers == {"Authorization": SecretStr("Bearer x")}


def test_secrets_are_in_no_repr_and_no_fault() -> None:
    """What is secret is never shown, even where it is wrong."""
    shown = repr(spec(secret="hush-1", signing_secret=SIGNING, headers={"X-Api-Key": "hush-2"}))
    refused = faults(secret="hush-3\n", signing_secret="hush-4", headers={"X-Api-Key": "hush-5\n"}, timeout=1)

    assert "hush" not in shown + " ".join(refused)
    assert SIGNING not in shown


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"secret": "hush"}, 'secret: expected { env = "VARIABLE" } or { file = "path" }, got a value'),
        ({"signing_secret": "hush"}, "signing_secret: expected { env"),
        ({"headers": {"X-Api-Key": "hush"}}, "headers.X-Api-Key: expected { env"),
        ({"headers": {"X-Colour": {"env": "A"}}}, "headers.X-Colour: expected a text, got a reference"),
        ({"secret": {"env": "A", "file": "b"}}, "got keys 'env', 'file'; name one"),
        ({"secret": {}}, "got keys none; name one"),
        ({"secret": {"env": ""}}, "name one"),
    ],
)
def test_secrets_come_by_reference_only(values: dict[str, Any], words: str) -> None:
    """A file holds no secret, only where it is; nothing of a literal one is repeated."""
    with pytest.raises(ConfigurationError) as refused:
        read_connector(LEAST | values, label="x", folder=Path(), read_variable=lambda _: "found")

    assert words in str(refused.value)
    assert "hush" not in str(refused.value)


def test_references_are_looked_up(tmp_path: Path) -> None:
    """Variables as they are, files beside the connectors file without their last line break; missing ones are named."""
    (tmp_path / "signing").write_text(SIGNING + "\n")
    values = {
        "secret": {"env": "THERE"},
        "signing_secret": {"file": "signing"},
        "headers": {"X-Api-Key": {"env": "GONE"}, "Cookie": {"file": "gone"}},
    }

    written = read_connector(LEAST | values, label="x", folder=tmp_path, read_variable={"THERE": "hush"}.get)

    assert written.spec.secret == SecretStr("hush")
    assert written.spec.signing_secret == SecretStr(SIGNING)
    assert written.spec.headers == {"X-Api-Key": KEPT, "Cookie": KEPT}
    assert written.missing == {
        "headers.X-Api-Key": "expected environment variable GONE, got none",
        "headers.Cookie": f"expected file {tmp_path / 'gone'}, got none",
    }


def test_schedules_are_seconds_or_durations() -> None:
    """`5m` is 300; none means the service's own, an empty one a single attempt."""
    assert spec(schedule=[5, "1m", "1h30m"]).schedule == (5.0, 60.0, 5400.0)
    assert spec(schedule=[]).schedule == ()
    assert spec().schedule is None
