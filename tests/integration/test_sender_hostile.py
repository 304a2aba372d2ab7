"""What every transport does with slow, broken and hostile receivers: it ends, with an outcome of its own."""

import gzip
import socket
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbox.model import Outcome
from outbox.sender import Transport
from tests.scripted import Peer, Script, ScriptedReceiver, answer, answering
from tests.transports import DEADLINE, SLACK, MakeTransport, post, send_to, told

OK_HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def after_request(*pieces: bytes, then: Script = lambda _: None) -> Script:
    """Reads the request, sends the pieces, goes on with `then`, closes."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*pieces)
        then(peer)

    return script


def half_close(peer: Peer) -> None:
    """Closes the receiver's direction alone."""
    peer.connection.shutdown(socket.SHUT_WR)
    peer.wait()


HOSTILE: dict[str, tuple[Script, Outcome, str, int | None]] = {
    "never answers": (after_request(then=Peer.wait), Outcome.TIMEOUT, "timeout_first_byte", None),
    "drips the status line": (
        after_request(b"HTTP/1.1 200 ", then=lambda p: p.drip(b"O")),
        Outcome.TIMEOUT,
        "timeout_headers",
        None,
    ),
    "drips headers": (
        after_request(OK_HEAD, then=lambda p: p.drip(b"a: b\r\n")),
        Outcome.TIMEOUT,
        "timeout_headers",
        None,
    ),
    "drips 100 Continue": (
        after_request(then=lambda p: p.drip(b"HTTP/1.1 100 Continue\r\n\r\n")),
        Outcome.TIMEOUT,
        "timeout_headers",
        None,
    ),
    "drips a body": (
        after_request(OK_HEAD, b"Content-Length: 999\r\n\r\n", then=lambda p: p.drip(b"x")),
        Outcome.TIMEOUT,
        "timeout_body",
        200,
    ),
    "drips chunks": (
        after_request(CHUNKED, then=lambda p: p.drip(b"1\r\nx\r\n")),
        Outcome.TIMEOUT,
        "timeout_body",
        200,
    ),
    "drips a chunk's size": (after_request(CHUNKED, then=lambda p: p.drip(b"0")), Outcome.TIMEOUT, "timeout_body", 200),
    "drips trailers": (
        after_request(CHUNKED, b"0\r\n", then=lambda p: p.drip(b"a: b\r\n")),
        Outcome.TIMEOUT,
        "timeout_body",
        200,
    ),
    "stalls in the body": (
        after_request(answer(body=b"x" * 9)[:-1], then=Peer.wait),
        Outcome.TIMEOUT,
        "timeout_body",
        200,
    ),
    "floods with 100 Continue": (
        after_request(then=lambda p: p.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)),
        Outcome.PROTOCOL,
        "header_too_large",
        None,
    ),
    "floods with headers": (
        after_request(OK_HEAD, then=lambda p: p.flood(b"a: b\r\n" * 1000)),
        Outcome.PROTOCOL,
        "header_too_large",
        None,
    ),
    "floods with one header": (
        after_request(OK_HEAD, b"a: ", then=lambda p: p.flood(b"b" * 8192)),
        Outcome.PROTOCOL,
        "header_too_large",
        None,
    ),
    "talks another protocol": (
        after_request(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
        Outcome.PROTOCOL,
        "bad_status_line",
        None,
    ),
    "sends noise": (after_request(bytes(range(256)) * 4), Outcome.PROTOCOL, "bad_status_line", None),
    "sends a wrong status": (after_request(b"HTTP/1.1 20x OK\r\n\r\n"), Outcome.PROTOCOL, "bad_status_line", None),
    "sends a long status": (after_request(b"HTTP/1.1 99999 OK\r\n\r\n"), Outcome.PROTOCOL, "bad_status_line", None),
    "closes at once": (after_request(), Outcome.PROTOCOL, "closed_early", None),
    "closes in the status line": (after_request(b"HTTP/1.1 2"), Outcome.PROTOCOL, "bad_status_line", None),
    "resets": (after_request(then=Peer.reset), Outcome.PROTOCOL, "reset", None),
    "closes its half": (after_request(then=half_close), Outcome.PROTOCOL, "closed_early", None),
    "closes in the body": (after_request(answer(body=b"x" * 9)[:-1]), Outcome.PROTOCOL, "closed_early", 200),
    "closes between chunks": (after_request(CHUNKED, b"1\r\nx\r\n"), Outcome.PROTOCOL, "closed_early", 200),
    "closes in a chunk": (after_request(CHUNKED, b"9\r\nx"), Outcome.PROTOCOL, "closed_early", 200),
    "floods with a body": (
        after_request(OK_HEAD, b"Content-Length: 104857600\r\n\r\n", then=lambda p: p.flood(b"x" * 65536)),
        Outcome.OK,
        "",
        200,
    ),
    "floods with chunks": (
        after_request(CHUNKED, then=lambda p: p.flood(b"100\r\n" + b"x" * 256 + b"\r\n")),
        Outcome.OK,
        "",
        200,
    ),
    "fails with a flood": (
        after_request(b"HTTP/1.1 500 No\r\n\r\n", then=lambda p: p.flood(b"x" * 65536)),
        Outcome.HTTP_ERROR,
        "status_500",
        500,
    ),
}

OF_CURL = {"drips the status line": "timeout_first_byte", "closes in the status line": "closed_early"}
"""The codes that differ: libcurl tells nothing of a status line before its end."""


@pytest.mark.parametrize("receiver", HOSTILE)
def test_a_hostile_receiver_ends_within_the_deadline(transport: Transport, receiver: str) -> None:
    """Whatever a receiver does, the exchange ends by its deadline with an outcome and a code of its own."""
    script, outcome, code, status = HOSTILE[receiver]
    if transport.name == "curl":
        code = OF_CURL.get(receiver, code)
    started = time.monotonic()
    response = send_to(transport, script, seconds=DEADLINE)

    assert time.monotonic() - started < DEADLINE + SLACK
    assert (response.outcome, response.error_code or "", response.status) == (outcome, code, status)
    assert (response.error is None) == (outcome is Outcome.OK)


def test_a_broken_chunk_is_a_protocol_failure(transport: Transport) -> None:
    """A chunk size that is no number ends the exchange, with the status that had come."""
    response = send_to(transport, after_request(CHUNKED, b"zz\r\nx\r\n", then=Peer.wait), seconds=DEADLINE)

    assert (response.outcome, response.status) == (Outcome.PROTOCOL, 200)


@pytest.mark.parametrize("cap", [0, 1, 1000, 65_536])
def test_a_body_over_the_cap_is_cut_and_marked(make_transport: MakeTransport, cap: int) -> None:
    """The status decides; exactly the first bytes are kept; a body of just the cap is not cut."""
    body = bytes(n % 251 for n in range(cap + 1))
    transport = make_transport(max_response_bytes=cap)

    over, within = (send_to(transport, answering(answer(body=sent))) for sent in (body, body[:cap]))

    assert (over.outcome, over.body == body[:cap], over.cut) == (Outcome.OK, True, True)
    assert (within.outcome, within.body == body[:cap], within.cut) == (Outcome.OK, True, False)


def test_a_large_answer_costs_little_memory(transport: Transport) -> None:
    """Of a body of 100 MB only the first bytes are ever taken."""
    script = HOSTILE["floods with a body"][0]
    send_to(transport, script)
    with ScriptedReceiver(script) as receiver:
        tracemalloc.start()
        transport.send(post(receiver.url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 2_000_000
    assert receiver.flooded < 20_000_000


def test_a_compressed_bomb_stays_compressed(transport: Transport) -> None:
    """A body is kept as it came: nothing is unpacked."""
    bomb = gzip.compress(b"\0" * 30_000_000, compresslevel=1)
    response = send_to(transport, answering(answer(body=bomb, Content_Encoding="gzip")))

    assert (response.outcome, response.cut) == (Outcome.OK, True)
    assert response.body == bomb[:65_536]


def test_a_receiver_that_never_reads_ends_within_the_deadline(transport: Transport) -> None:
    """Sending is inside the deadline too: a full window does not hold a worker."""
    started = time.monotonic()
    response = send_to(transport, Peer.wait, body=b"x" * 30_000_000, seconds=DEADLINE)

    assert time.monotonic() - started < DEADLINE + SLACK
    assert told(response) == (Outcome.TIMEOUT, "timeout_send")


def test_an_answer_that_comes_before_the_report_is_read_counts(transport: Transport) -> None:
    """A receiver may refuse a large report without taking it; its answer is better than a broken pipe."""

    def refuse(peer: Peer) -> None:
        peer.connection.recv(1000)
        peer.send(answer(413, b"too large"))
        while peer.connection.recv(1_000_000):
            time.sleep(0.001)

    response = send_to(transport, refuse, body=b"x" * 30_000_000)

    assert (told(response), response.body) == ((Outcome.HTTP_ERROR, "status_413"), b"too large")


def test_an_answer_before_a_reset_counts_where_it_can_be_read(transport: Transport) -> None:
    """A receiver that closes at once resets; libcurl reads no more once it can't send, and may lose the answer."""

    def refuse(peer: Peer) -> None:
        peer.connection.recv(1000)
        peer.send(answer(413, b"too large"))

    response = send_to(transport, refuse, body=b"x" * 30_000_000)

    lost = [(Outcome.PROTOCOL, "reset")] if transport.name == "curl" else []
    assert told(response) in [(Outcome.HTTP_ERROR, "status_413"), *lost]


@given(noise=st.binary(max_size=400), start=st.sampled_from([b"", b"HTTP/1.1 ", OK_HEAD, CHUNKED, OK_HEAD + b"\r\n"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_an_outcome(transport: Transport, noise: bytes, start: bytes) -> None:
    """No answer, however mangled, raises or hangs."""
    response = send_to(transport, after_request(start, noise), seconds=2)

    assert response.outcome in (Outcome.OK, Outcome.HTTP_ERROR, Outcome.PROTOCOL)
