"""What every transport does with certificates and TLS, good and bad."""

import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from outbox.errors import ConfigurationError
from outbox.model import Outcome
from outbox.sender import Transport
from tests.scripted import Peer, Script, ScriptedReceiver, answer, answering
from tests.transports import DEADLINE, SLACK, MakeTransport, post, send_to, told


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The certificate authority that the transports are told of."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.cert_pem.bytes())
    return path


@pytest.fixture
def transport(make_transport: MakeTransport, ca_file: Path) -> Transport:
    """A transport that knows the authority."""
    return make_transport(ca_file=ca_file)


def served_by(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A receiver's context with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def good(authority: trustme.CA) -> ssl.SSLContext:
    """A receiver whose certificate is right."""
    return served_by(authority.issue_cert("127.0.0.1", "localhost"))


def expired(authority: trustme.CA) -> ssl.SSLContext:
    """A receiver whose certificate ran out yesterday."""
    now = datetime.now(UTC)
    return served_by(
        authority.issue_cert("127.0.0.1", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1))
    )


def not_yet(authority: trustme.CA) -> ssl.SSLContext:
    """A receiver whose certificate holds from tomorrow."""
    now = datetime.now(UTC)
    return served_by(
        authority.issue_cert("127.0.0.1", not_before=now + timedelta(days=1), not_after=now + timedelta(days=9))
    )


def wrong_name(authority: trustme.CA) -> ssl.SSLContext:
    """A receiver whose certificate is for somebody else."""
    return served_by(authority.issue_cert("example.com"))


def unknown(_: trustme.CA) -> ssl.SSLContext:
    """A receiver whose certificate is signed by nobody we know."""
    return served_by(trustme.CA().issue_cert("127.0.0.1"))


def self_signed(_: trustme.CA) -> ssl.SSLContext:
    """A receiver that signed for itself, under its right name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return served_by(trustme.LeafCert(_pem(key), own.public_bytes(Encoding.PEM), []))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


BAD = {
    "certificate_expired": expired,
    "certificate_not_yet_valid": not_yet,
    "hostname_mismatch": wrong_name,
    "unknown_ca": unknown,
    "self_signed": self_signed,
}


def test_a_certificate_of_the_known_authority_is_accepted(transport: Transport, authority: trustme.CA) -> None:
    """With ca_file a report goes out over verified TLS, and the handshake is timed."""
    response = send_to(transport, answering(answer()), tls=good(authority))

    assert (response.outcome, response.body) == (Outcome.OK, b"ok")
    assert response.timings["tls"] > 0


@pytest.mark.parametrize("code", BAD)
def test_a_bad_certificate_is_refused_by_name(transport: Transport, authority: trustme.CA, code: str) -> None:
    """Each fault of a certificate has its own code and words, and nothing is sent."""
    with ScriptedReceiver(answering(answer()), tls=BAD[code](authority)) as receiver:
        response = transport.send(post(receiver.url))

    assert (response.outcome, response.error_code, receiver.requests) == (Outcome.TLS, code, [])
    assert "certificate was refused" in (response.error or "")


@pytest.mark.parametrize("code", BAD)
def test_without_verification_any_certificate_is_accepted(
    transport: Transport, authority: trustme.CA, code: str
) -> None:
    """A connector may switch verification off for its own receiver."""
    assert send_to(transport, answering(answer()), tls=BAD[code](authority), verify=False).outcome is Outcome.OK


def test_a_switched_off_verification_never_serves_another_connector(transport: Transport) -> None:
    """An unverified connection that is kept open is never used for a request that wants verification."""
    with ScriptedReceiver(answering(answer()), tls=self_signed(trustme.CA())) as receiver:
        outcomes = [
            transport.send(post(receiver.url, verify=verify)).outcome for verify in (False, True, False, True, False)
        ]

    assert outcomes == [Outcome.OK, Outcome.TLS, Outcome.OK, Outcome.TLS, Outcome.OK]
    assert len(receiver.requests) == 3


def test_public_authorities_are_the_default(make_transport: MakeTransport, authority: trustme.CA) -> None:
    """Without ca_file a private authority is unknown."""
    response = send_to(make_transport(), answering(answer()), tls=good(authority))

    assert told(response) == (Outcome.TLS, "unknown_ca")


@pytest.mark.parametrize("greeting", [b"220 mail.example ESMTP ready for you\r\n", answer(400, b"speak http")])
def test_https_to_a_plain_port_says_so(transport: Transport, greeting: bytes) -> None:
    """A wrong scheme or port is told from a bad certificate, with advice."""

    def plain(peer: Peer) -> None:
        peer.connection.recv(1000)
        peer.send(greeting)

    with ScriptedReceiver(plain) as receiver:
        response = transport.send(post(receiver.url.replace("http:", "https:")))

    assert told(response) == (Outcome.TLS, "not_tls")
    assert "use http:// or the right port" in (response.error or "")


def test_http_to_a_tls_port_is_a_protocol_failure(transport: Transport, authority: trustme.CA) -> None:
    """The other way round there is no HTTP answer."""
    with ScriptedReceiver(answering(answer()), tls=good(authority)) as receiver:
        response = transport.send(post(receiver.url.replace("https:", "http:")))

    assert response.outcome is Outcome.PROTOCOL


def test_a_receiver_that_closes_in_the_handshake_is_tls(transport: Transport) -> None:
    """A connection that ends in the handshake is told from one that ends later."""

    def leave(peer: Peer) -> None:
        peer.connection.recv(1000)

    with ScriptedReceiver(leave) as receiver:
        response = transport.send(post(receiver.url.replace("http:", "https:")))

    assert told(response) == (Outcome.TLS, "handshake_closed")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_receiver_that_wants_a_client_certificate_is_tls(
    transport: Transport, authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    """A refusal of ours by TLS is `tls`, in the handshake (1.2) or with the first answer (1.3).

    With 1.3 the refusal may cross our report; libcurl, which was sending, then sees the closed connection alone.
    """
    context = good(authority)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)

    response = send_to(transport, answering(answer()), tls=context)

    code = "handshake_failed" if version is ssl.TLSVersion.TLSv1_2 else "client_certificate_required"
    crossed = [(Outcome.PROTOCOL, "reset")] if transport.name == "curl" and version is ssl.TLSVersion.TLSv1_3 else []
    assert told(response) in [(Outcome.TLS, code), *crossed]


def drip(peer: Peer) -> None:
    """Answers one header at a time."""
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    peer.drip(b"a: b\r\n")


def ignore(peer: Peer) -> None:
    """Reads and never answers."""
    peer.read_request()
    peer.wait()


SLOW: dict[str, tuple[Script, str]] = {
    "drips headers": (drip, "timeout_headers"),
    "never answers": (ignore, "timeout_first_byte"),
    "never reads": (Peer.wait, "timeout_send"),
}


@pytest.mark.parametrize("receiver", SLOW)
def test_a_slow_receiver_ends_within_the_deadline_over_tls(
    transport: Transport, authority: trustme.CA, receiver: str
) -> None:
    """TLS reads and writes in pieces; the deadline spans them all."""
    script, code = SLOW[receiver]
    body = b"x" * (30_000_000 if receiver == "never reads" else 2)
    started = time.monotonic()
    response = send_to(transport, script, tls=good(authority), body=body, seconds=DEADLINE)

    assert time.monotonic() - started < DEADLINE + SLACK
    assert told(response) == (Outcome.TIMEOUT, code)


def test_a_handshake_that_never_comes_ends_within_the_deadline(transport: Transport) -> None:
    """A port that accepts and says nothing costs the deadline."""
    started = time.monotonic()
    with ScriptedReceiver(Peer.wait) as receiver:
        response = transport.send(post(receiver.url.replace("http:", "https:"), seconds=DEADLINE))

    assert time.monotonic() - started < DEADLINE + SLACK
    assert told(response) == (Outcome.TIMEOUT, "timeout_tls")


def test_connections_are_reused_over_tls(transport: Transport, authority: trustme.CA) -> None:
    """A handshake serves many reports."""
    with ScriptedReceiver(answering(answer()), tls=good(authority)) as receiver:
        outcomes = {transport.send(post(receiver.url)).outcome for _ in range(5)}

    assert (outcomes, receiver.connections, len(receiver.requests)) == ({Outcome.OK}, 1, 5)


def test_a_tls_connection_that_was_closed_meanwhile_is_replaced(transport: Transport, authority: trustme.CA) -> None:
    """A receiver that closes between reports costs no attempt over TLS either."""

    def once(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())

    with ScriptedReceiver(once, tls=good(authority)) as receiver:
        for _ in range(3):
            assert transport.send(post(receiver.url)).outcome is Outcome.OK
            time.sleep(0.05)

    assert len(receiver.requests) == 3


@pytest.mark.parametrize("written", ["nothing here", None])
def test_a_broken_ca_file_is_named(make_transport: MakeTransport, tmp_path: Path, written: str | None) -> None:
    """A missing or broken file is a configuration error with its path."""
    path = tmp_path / "own-ca.pem"
    if written is not None:
        path.write_text(written)

    with pytest.raises(ConfigurationError, match=r"sender\.ca_file: expected a PEM file .*own-ca\.pem"):
        make_transport(ca_file=path)
