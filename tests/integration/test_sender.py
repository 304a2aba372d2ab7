"""What every transport sends, reads and keeps open."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from outbox.model import Outcome
from outbox.request import REDACTED, basic_authorization
from outbox.sender import Transport
from tests.scripted import Peer, ScriptedReceiver, answer, answering
from tests.transports import BODY, DEADLINE, SLACK, post, send_to, told

OK_HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def test_the_receiver_gets_exactly_the_request(transport: Transport) -> None:
    """One POST with the given path, headers and body bytes, and nothing that the transport invents but framing."""
    with ScriptedReceiver(answering(answer(204, b""))) as receiver:
        response = transport.send(post(receiver.url + "?a=%20b", webhook_id="dlv_1_2"))

    (request,) = receiver.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /hook?a=%20b HTTP/1.1"
    assert sorted(lines, key=str.lower) == [
        "Accept-Encoding: identity",
        f"Content-Length: {len(BODY)}",
        "Content-Type: application/json",
        f"Host: 127.0.0.1:{receiver.port}",
        "User-Agent: x/1",
        "webhook-id: dlv_1_2",
    ]
    assert body == BODY
    assert (response.outcome, response.status, response.error) == (Outcome.OK, 204, None)


def test_a_response_brings_status_headers_body_and_timings(transport: Transport) -> None:
    """What the receiver answered is kept: every header, the body's bytes, and milliseconds by phase."""
    reply = OK_HEAD + b"Content-Length: 4\r\nX-A: 1\r\nX-B: \xe9\r\nX-A: 2\r\n\r\n\x00\xff\r\n"

    response = send_to(transport, answering(reply))

    assert sorted(response.headers) == [("Content-Length", "4"), ("X-A", "1"), ("X-A", "2"), ("X-B", "é")]
    assert (response.body, response.cut) == (b"\x00\xff\r\n", False)
    assert {"dns", "connect", "first_byte", "total"} <= response.timings.keys()
    assert 0 < response.timings["first_byte"] <= response.timings["total"] == response.duration_ms < 5000


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_every_2xx_is_ok(transport: Transport, status: int) -> None:
    """Success is the whole class 2xx."""
    response = send_to(transport, answering(answer(status, b"")))

    assert (told(response), response.status) == ((Outcome.OK, None), status)


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 409, 410, 413, 429, 500, 503, 599, 799])
def test_every_other_status_is_an_http_error_with_its_body(transport: Transport, status: int) -> None:
    """Anything else is an `http_error` that names the status; headers such as Retry-After come along."""
    body = b"" if status == 304 else b"because"

    response = send_to(transport, answering(answer(status, body, Retry_After="7")))

    assert (told(response), response.status) == ((Outcome.HTTP_ERROR, f"status_{status}"), status)
    assert (response.body, dict(response.headers)["Retry-After"]) == (body, "7")
    assert f"the receiver answered {status}" in (response.error or "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_not_followed(transport: Transport, status: int) -> None:
    """A report goes to the URL that a person configured, and nowhere that a receiver says; a query is not quoted."""
    with ScriptedReceiver(answering(answer())) as other:
        response = send_to(transport, answering(answer(status, b"", Location=f"{other.url}?token=abc#top")))

    assert (told(response), other.connections) == ((Outcome.HTTP_ERROR, f"status_{status}"), 0)
    assert f"to {other.url}; redirects are not followed" in (response.error or "")


def test_connections_are_reused(transport: Transport) -> None:
    """Reports to one receiver share a connection, and each is answered by its own answer."""
    with ScriptedReceiver(answering(*(answer(body=b"%d" % n) for n in range(5)))) as receiver:
        bodies = [transport.send(post(receiver.url)).body for _ in range(5)]

    assert (bodies, receiver.connections, len(receiver.requests)) == ([b"0", b"1", b"2", b"3", b"4"], 1, 5)


def test_cookies_are_neither_kept_nor_sent(transport: Transport) -> None:
    """A receiver can't mark us: two connectors on one host must not share a session."""
    with ScriptedReceiver(answering(answer(Set_Cookie="sid=1; Path=/"))) as receiver:
        for _ in range(2):
            transport.send(post(receiver.url))

    assert b"sid=1" not in b"".join(receiver.requests)


@pytest.mark.parametrize("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints\r\nLink: </a>"])
def test_interim_answers_are_skipped(transport: Transport, interim: bytes) -> None:
    """The status of an exchange is the final one, however many 1xx come before."""
    response = send_to(transport, answering(b"HTTP/1.1 %s\r\n\r\n" % interim * 3 + answer(202)))

    assert (response.outcome, response.status) == (Outcome.OK, 202)


def test_a_change_of_protocol_is_no_success(transport: Transport) -> None:
    """101 is final, since nobody asked for another protocol."""
    response = send_to(
        transport, answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), seconds=DEADLINE
    )

    assert (told(response), dict(response.headers)["Upgrade"]) == ((Outcome.HTTP_ERROR, "status_101"), "h2c")


def test_headers_that_end_with_the_connection_are_an_answer(transport: Transport) -> None:
    """The status had come, and it decides."""

    def leave(peer: Peer) -> None:
        peer.read_request()
        peer.send(OK_HEAD, b"X-A: 1\r\n")

    response = send_to(transport, leave)

    assert (told(response), response.status, response.headers) == ((Outcome.OK, None), 200, (("X-A", "1"),))


def test_chunked_and_unframed_bodies_are_read(transport: Transport) -> None:
    """A body may be chunked (with extensions and trailers) or end with the connection."""

    def unframed(peer: Peer) -> None:
        peer.read_request()
        peer.send(OK_HEAD, b"\r\nto the end")

    chunked = CHUNKED + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n"

    assert send_to(transport, answering(chunked)).body == b"abcde"
    assert send_to(transport, unframed).body == b"to the end"


def test_control_characters_of_a_receiver_are_not_passed_on(transport: Transport) -> None:
    """NUL would break the row that keeps the attempt, ESC a terminal that shows it."""
    response = send_to(transport, answering(OK_HEAD + b"X-A: a\x00b\x1b[2J\r\nContent-Length: 0\r\n\r\n"))

    assert response.outcome in (Outcome.OK, Outcome.PROTOCOL)
    assert all(value.isprintable() for pair in response.headers for value in pair)


def test_an_echoed_secret_is_redacted(transport: Transport) -> None:
    """What a receiver repeats of our authorization does not come into history."""
    basic = basic_authorization("webhook", "open sesame")
    response = send_to(transport, answering(answer(body=basic.encode(), X_Echo=basic)), Authorization=basic)

    assert (response.body, dict(response.headers)["X-Echo"]) == (REDACTED.encode(), REDACTED)


def test_nothing_listening_is_refused(transport: Transport) -> None:
    """A closed port is `connect`, at once."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    response = transport.send(post(f"http://127.0.0.1:{port}/"))

    assert (told(response), response.status, response.headers) == ((Outcome.CONNECT, "refused"), None, ())


def test_a_full_listener_times_out_while_connecting(transport: Transport) -> None:
    """A host that swallows packets costs the deadline and no more."""
    waiting = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        started = time.monotonic()
        response = transport.send(post(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=DEADLINE))

    for connection in waiting:
        connection.close()
    assert time.monotonic() - started < DEADLINE + SLACK
    assert told(response) == (Outcome.TIMEOUT, "timeout_connect")


def test_an_unknown_name_is_dns(transport: Transport) -> None:
    """A name that no server knows is `dns`, whether the system's resolver says never or not now."""
    response = transport.send(post("http://nothing-here.invalid/"))

    assert response.outcome is Outcome.DNS
    assert response.error_code in ("not_found", "temporary")


def test_a_connection_that_the_receiver_closed_meanwhile_is_replaced(transport: Transport) -> None:
    """A receiver that closes between reports costs no attempt: the next goes out on a fresh connection, once."""
    closed = threading.Event()

    def once(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        peer.connection.close()
        closed.set()

    with ScriptedReceiver(once) as receiver:
        for _ in range(5):
            closed.clear()
            assert transport.send(post(receiver.url)).outcome is Outcome.OK
            assert closed.wait(5)

    assert (len(receiver.requests), receiver.connections) == (5, 5)


def test_a_report_that_may_have_arrived_is_never_sent_again_silently(transport: Transport) -> None:
    """A kept-open connection that dies after the whole report went out is a failure, left to the schedule."""

    def drop_second(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        peer.read_request()

    with ScriptedReceiver(drop_second) as receiver:
        first, second = (transport.send(post(receiver.url)) for _ in range(2))

    assert (first.outcome, told(second)) == (Outcome.OK, (Outcome.PROTOCOL, "closed_early"))
    assert "it may have the report" in (second.error or "")
    assert (len(receiver.requests), receiver.connections) == (2, 1)


def test_a_report_that_was_cut_off_on_a_kept_connection_goes_out_again(transport: Transport) -> None:
    """A kept-open connection that dies under half a report costs no attempt: nobody can have the whole of it."""
    body = b"x" * 30_000_000
    got = [0, 0]

    def reset_first(peer: Peer) -> None:
        if peer.number == 1:
            peer.read_request()
            peer.send(answer())
            got[0] = len(peer.connection.recv(1000))
            peer.reset()
        while got[1] < len(body):
            got[1] += len(peer.connection.recv(1_000_000))
        peer.send(answer(202))

    with ScriptedReceiver(reset_first) as receiver:
        first, second = (transport.send(post(receiver.url, body=sent, seconds=20)) for sent in (BODY, body))

    assert (first.status, second.status, second.outcome) == (200, 202, Outcome.OK)
    assert (receiver.connections, got[0] > 0) == (2, True)


def test_a_kept_open_receiver_that_stops_reading_is_a_timeout(transport: Transport) -> None:
    """A reused connection whose window fills ends by the deadline like a fresh one, and is not tried again."""

    def stop(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        peer.wait()

    with ScriptedReceiver(stop) as receiver:
        transport.send(post(receiver.url))
        response = transport.send(post(receiver.url, body=b"x" * 30_000_000, seconds=DEADLINE))

    assert (told(response), receiver.connections) == ((Outcome.TIMEOUT, "timeout_send"), 1)


def test_many_threads_send_at_once(transport: Transport) -> None:
    """Threads share a transport: every report gets its own answer."""

    def echo(peer: Peer) -> None:
        while request := peer.read_request():
            peer.send(answer(body=request.partition(b"\r\n\r\n")[2]))

    with ScriptedReceiver(echo) as receiver, ThreadPoolExecutor(16) as threads:
        bodies = [b"report %d" % n for n in range(320)]
        got = list(threads.map(lambda body: transport.send(post(receiver.url, body=body)).body, bodies))

    assert got == bodies
    assert receiver.connections <= 16


def test_a_stalled_receiver_does_not_hold_others(transport: Transport) -> None:
    """While one receiver eats its deadline, another is served at once."""
    with ScriptedReceiver(Peer.wait) as stalled, ScriptedReceiver(answering(answer())) as healthy:
        with ThreadPoolExecutor(4) as threads:
            waiting = [threads.submit(transport.send, post(stalled.url, seconds=1)) for _ in range(3)]
            response = transport.send(post(healthy.url))
            assert not any(one.done() for one in waiting)
        assert response.outcome is Outcome.OK
        assert {one.result().outcome for one in waiting} == {Outcome.TIMEOUT}
