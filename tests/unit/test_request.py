"""The POST of an attempt: headers, signature, rules for URLs and headers, and what history may show."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from outbox import __version__
from outbox.errors import ConfigurationError
from outbox.model import Connector, Kind, Leased, Outcome, Request, Response, Trigger
from outbox.request import (
    REDACTED,
    build_request,
    redacted_headers,
    redacted_response,
    sign,
    signing_secret_faults,
)

NOW = datetime(2026, 3, 1, 12, 30, 15, 900_000, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LEASED = Leased(
    event_id=41,
    connector_id=7,
    contract_id="c-1",
    trigger=Trigger.SEND,
    attempt=3,
    tries=3,
    kind=Kind.AUTO,
    token=99,
    body='{"id":41,"name":"Žofie"}'.encode(),
)
CONNECTOR = Connector(
    id=7,
    version=2,
    name="crm",
    business_units=("*",),
    triggers=frozenset(Trigger),
    url="https://example.com/webhook",
    timeout_seconds=12.5,
)


def headers_of(connector: Connector = CONNECTOR, *, now: datetime = NOW) -> dict[str, str]:
    """The headers of a request to `connector`, by name."""
    return dict(build_request(LEASED, connector, now=now).headers)


def test_a_plain_connector_sends_exactly_these_headers() -> None:
    """Without secrets a request says what it is, which delivery, which attempt, and nothing else."""
    assert headers_of() == {
        "Content-Type": "application/json",
        "User-Agent": f"contract-outbox/{__version__}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "webhook-id": "dlv_41_7",
        "webhook-timestamp": "1772368215",
        "outbox-attempt": "3",
        "outbox-trigger": "send",
    }


def test_body_url_limits_and_verification_come_from_delivery_and_connector() -> None:
    """The frozen body is sent as it is; URL, deadline and TLS choice are the connector's present ones."""
    request = build_request(LEASED, replace(CONNECTOR, ssl_verification=False), now=NOW)

    assert request == Request("https://example.com/webhook", request.headers, LEASED.body or b"", 12.5, False)


def test_the_webhook_id_is_equal_over_attempts_and_replays() -> None:
    """A receiver tells a repeated delivery by its id, whichever attempt or kind brings it."""
    again = replace(LEASED, attempt=9, tries=1, kind=Kind.REPLAY)

    assert dict(build_request(again, CONNECTOR, now=NOW).headers)["webhook-id"] == headers_of()["webhook-id"]


def test_the_timestamp_is_the_instant_whatever_the_zone() -> None:
    """The stamp is Unix seconds of the moment, so the same moment in another zone gives the same stamp."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30)))

    assert headers_of(now=elsewhere)["webhook-timestamp"] == headers_of()["webhook-timestamp"]


def test_a_secret_becomes_basic_authorization_in_utf_8() -> None:
    """User name and secret are joined by a colon as typed, in UTF-8; a colon in the secret stays."""
    written = headers_of(replace(CONNECTOR, secret="pä:ß"))["Authorization"]

    assert base64.b64decode(written.removeprefix("Basic ")).decode() == "webhook:pä:ß"


def test_own_headers_are_sent_and_replace_ours_of_the_same_name() -> None:
    """A connector may add headers and choose its own User-Agent; each name goes out once."""
    own = (("X-Api-Key", "k1"), ("user-agent", "acme/1"))

    sent = build_request(LEASED, replace(CONNECTOR, headers=own), now=NOW).headers

    assert sent[-2:] == own
    assert len({name.lower() for name, _ in sent}) == len(sent)


def test_a_delivery_without_body_is_refused() -> None:
    """A report that could not be built never reaches the sender."""
    with pytest.raises(ValueError, match="dlv_41_7 has no body"):
        build_request(replace(LEASED, body=None), CONNECTOR, now=NOW)


def test_the_signature_equals_the_fixed_vector_of_standard_webhooks() -> None:
    """The published vector holds to the byte."""
    signed = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("used", ["new", "old"])
def test_both_secrets_verify_while_one_is_rotated_out(used: str) -> None:
    """While rotating, the header has a signature by each secret, and a receiver with either one accepts."""
    secrets = {name: "whsec_" + base64.b64encode(name.encode() * 10).decode() for name in ("new", "old")}
    now = datetime.now(UTC)
    sent = headers_of(replace(CONNECTOR, signing_secrets=tuple(secrets.values())), now=now)

    assert Webhook(secrets[used]).verify(LEASED.body or b"", sent) == json.loads(LEASED.body or b"")
    assert len(sent["webhook-signature"].split(" ")) == 2
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(LEASED.body or b"", sent)


def test_a_plain_text_signing_secret_is_its_own_bytes() -> None:
    """Without the prefix nothing is decoded: the receiver's key is the text as typed, in UTF-8."""
    text = "correct horse battery staple"
    sent = headers_of(replace(CONNECTOR, signing_secrets=(text,)), now=datetime.now(UTC))

    assert Webhook(text.encode()).verify(LEASED.body or b"", sent)["id"] == 41


def test_a_broken_signing_secret_is_refused_without_naming_it() -> None:
    """Bad base64, too short and too long are faults whose words never hold the secret."""
    for secret in ("whsec_%%%%%%%%%%%%%%%", "short", "whsec_c2hvcnQ=", "x" * 65, ""):
        (fault,) = signing_secret_faults(secret)

        assert fault.startswith("signing secret: expected")
        assert not secret or secret not in fault
    assert signing_secret_faults(SECRET) == []
    with pytest.raises(ConfigurationError, match="expected base64"):
        sign("whsec_%%%", "dlv_1_1", "1", b"")


def test_history_never_shows_secret_headers() -> None:
    """Authorization, signatures and own headers with telling names are redacted; the others stand."""
    own = (("X-Api-Key", "hush"), ("Cookie", "hush"), ("X-Access-Token", "hush"), ("X-Region", "eu"))
    connector = replace(CONNECTOR, secret="hush", signing_secrets=(SECRET,), headers=own)

    kept = redacted_headers(build_request(LEASED, connector, now=NOW))

    assert {name for name, value in kept.items() if value == REDACTED} == {
        "Authorization",
        "webhook-signature",
        "X-Api-Key",
        "Cookie",
        "X-Access-Token",
    }
    assert kept["X-Region"] == "eu"
    assert kept["webhook-id"] == "dlv_41_7"


def test_secrets_that_a_receiver_echoes_are_redacted() -> None:
    """A receiver that answers with what it got does not bring the secret into history."""
    request = build_request(LEASED, replace(CONNECTOR, secret="open sesame"), now=NOW)
    authorization = dict(request.headers)["Authorization"]
    echo = f"you sent {authorization} which is webhook:open sesame".encode()

    kept = redacted_response(request, Response(Outcome.OK, 1.0, 200, (("X-Echo", authorization),), echo))

    assert kept.body == b"you sent [redacted] which is [redacted]"
    assert kept.headers == (("X-Echo", REDACTED),)


def test_a_secret_in_our_own_words_on_an_answer_is_redacted() -> None:
    """What we say of an answer may quote it: history and log get neither."""
    request = build_request(LEASED, replace(CONNECTOR, secret="open sesame"), now=NOW)
    quoting = Response(Outcome.PROTOCOL, 1.0, error="expected an HTTP answer, got 'open sesame'")

    assert redacted_response(request, quoting).error == "expected an HTTP answer, got '[redacted]'"


def test_no_secret_is_in_the_repr_of_a_request() -> None:
    """A request that lands in a log line shows neither headers nor body."""
    assert "open sesame" not in repr(build_request(LEASED, replace(CONNECTOR, secret="open sesame"), now=NOW))
