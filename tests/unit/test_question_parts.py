"""Reports compared field by field, and bytes as a proof shows them."""

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from outbox.canonical import loads
from outbox.questions.exhibit import exhibit, in_zone, visible
from outbox.questions.told import differences, told

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def test_a_report_is_compared_without_what_tells_of_the_event() -> None:
    """Id, trigger, time, changes and detail differ from event to event and say nothing of the contract."""
    first = told(
        b'{"id":1,"trigger":"create","status":"draft","contract":{"amount":12.50,"by":{"name":"A"}},"changed":null}',
        JSON,
    )
    second = told(
        b'{"id":2,"trigger":"update","status":"draft","contract":{"amount":12.5,"by":{"name":"A"}},"changed":{"x":1}}',
        JSON,
    )

    assert differences(first, first) == {}
    assert [*differences(first, second)] == ["contract.amount"]


def test_forms_are_compared_by_their_fields() -> None:
    """Both styles: flat fields, and JSON in one parameter."""
    flat = told(b"id=1&status=draft&contract%5Bamount%5D=1&changed%5Bx%5D%5Bold%5D=2&detail=", FORM)
    packed = told(b"payload=%7B%22id%22%3A1%2C%22status%22%3A%22sent%22%7D", FORM)

    assert flat == {"status": "draft", "contract[amount]": "1"}
    assert differences({"status": "draft"}, packed) == {"status": {"old": "draft", "new": "sent"}}


@pytest.mark.parametrize(("body", "content_type"), [(b"{", JSON), (b"[1]", JSON), (b"\xff", FORM), (b"a", FORM)])
def test_a_body_that_is_no_report_is_no_comparison(body: bytes, content_type: str) -> None:
    """It says so instead of guessing."""
    with pytest.raises(ValueError):
        told(body, content_type)


def test_bytes_are_shown_exactly_and_to_be_read() -> None:
    """Hash and base64 are of the bytes; what is indented keeps every digit."""
    content = '{"amount":1.50,"name":"Ü","list":[]}'.encode()
    shown = exhibit(content, JSON)

    assert shown.sha256 == hashlib.sha256(content).hexdigest()
    assert shown.text == content.decode()
    assert shown.pretty is not None
    assert '"amount": 1.50' in shown.pretty
    assert loads(shown.pretty) == loads(content)
    assert exhibit(b"\xff").text is None
    assert exhibit(b"a=1&b=", FORM).fields == (("a", "1"), ("b", ""))
    assert exhibit(b"no JSON", JSON).pretty is None


def test_what_misleads_the_eye_is_named() -> None:
    """Control characters and those that turn a line around; line ends and tabs stay."""
    assert visible("a\u202eb\x00c\r\n\tü") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+000D⟩\n\tü"


def test_moments_name_their_zone_and_its_distance() -> None:
    """Also half hours, zones without a name, and the hour that comes twice."""
    moment = datetime(2026, 10, 25, 0, 30, 0, 123_456, tzinfo=UTC)

    assert in_zone(moment, UTC) == "2026-10-25 00:30:00.123 UTC"
    assert in_zone(moment, ZoneInfo("Europe/Zurich")) == "2026-10-25 02:30:00.123 CEST (+02:00)"
    assert in_zone(moment.replace(hour=1), ZoneInfo("Europe/Zurich")) == "2026-10-25 02:30:00.123 CET (+01:00)"
    assert in_zone(moment, ZoneInfo("Asia/Kathmandu")) == "2026-10-25 06:15:00.123 (+05:45)"
