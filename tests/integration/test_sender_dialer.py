"""How the requests transport resolves, checks and connects; proxies; what it keeps open."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

from outbox.errors import ConfigurationError
from outbox.model import Outcome
from outbox.sender import RequestsTransport, make_transport
from outbox.settings import Sender
from tests.scripted import Peer, ScriptedReceiver, answer, answering
from tests.transports import DEADLINE, LOOPBACK, SLACK, post, told


def resolving(*rounds: tuple[str, ...]) -> Callable[..., list[tuple[Any, ...]]]:
    """A resolver that answers each lookup with the next round of addresses."""
    following = iter(rounds)

    def lookup(_: str, port: int, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)) for text in next(following)]

    return lookup


def failing(code: int) -> Callable[..., list[tuple[Any, ...]]]:
    """A resolver that always fails."""

    def lookup(*_: object, **__: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(code, "as told")

    return lookup


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name that changes its address between check and connect gains nothing: it is looked up once."""
    transport = RequestsTransport(allow_networks=LOOPBACK, lookup=resolving(("127.0.0.1",), ("10.0.0.1",)))
    with ScriptedReceiver(answering(answer())) as receiver:
        first = transport.send(post(f"http://name.example:{receiver.port}/"))
        transport.close()
        second = transport.send(post(f"http://name.example:{receiver.port}/"))
    transport.close()

    assert (told(first), told(second)) == ((Outcome.OK, None), (Outcome.BLOCKED, "address_refused"))
    assert "10.0.0.1 (private)" in (second.error or "")


def test_of_mixed_addresses_only_open_ones_are_connected_to() -> None:
    """A name with refused and open addresses is sent to at the open ones, never at the others."""
    lookup = resolving(("10.0.0.1", "127.0.0.2", "169.254.169.254"))
    transport = RequestsTransport(allow_networks=["127.0.0.2/32"], lookup=lookup)
    with socket.create_server(("127.0.0.2", 0)) as listener:
        port = listener.getsockname()[1]
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(transport.send, post(f"http://name.example:{port}/", seconds=DEADLINE))
            accepted, _ = listener.accept()
            response = sending.result()
        accepted.close()
    transport.close()

    assert told(response) == (Outcome.TIMEOUT, "timeout_first_byte")


def test_a_dead_address_leaves_time_for_the_next() -> None:
    """Where a name has several addresses, a refusing one is passed over."""
    transport = RequestsTransport(allow_networks=LOOPBACK, lookup=resolving(("127.0.0.9", "127.0.0.1")))
    with ScriptedReceiver(answering(answer())) as receiver:
        response = transport.send(post(f"http://name.example:{receiver.port}/"))
    transport.close()

    assert response.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, "not_found"),
        (socket.EAI_NODATA, "not_found"),
        (socket.EAI_AGAIN, "temporary"),
        (socket.EAI_FAIL, "lookup_failed"),
    ],
)
def test_lookups_fail_by_name(number: int, code: str) -> None:
    """A name that is not there is told from a name server that is not there."""
    transport = RequestsTransport(lookup=failing(number))

    assert told(transport.send(post("http://name.example/"))) == (Outcome.DNS, code)
    transport.close()


def test_a_lookup_that_hangs_ends_with_the_deadline_and_holds_nobody_else() -> None:
    """A name server that never answers costs one thread for its name, and its own receivers their deadline."""
    release = threading.Event()

    def lookup(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        if host == "hangs.example":
            release.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    transport = RequestsTransport(allow_networks=LOOPBACK, lookup=lookup)
    with ScriptedReceiver(answering(answer())) as receiver, ThreadPoolExecutor(8) as threads:
        started = time.monotonic()
        request = post(f"http://hangs.example:{receiver.port}/", seconds=DEADLINE)
        hanging = [threads.submit(transport.send, request) for _ in range(5)]
        assert transport.send(post(f"http://well.example:{receiver.port}/")).outcome is Outcome.OK
        outcomes = {told(one.result()) for one in hanging}
        looking = [thread for thread in threading.enumerate() if thread.name == "lookup hangs.example"]
        assert time.monotonic() - started < DEADLINE + SLACK
    release.set()
    transport.close()

    assert (outcomes, len(looking)) == ({(Outcome.TIMEOUT, "timeout_dns")}, 1)


def test_hanging_lookups_are_bounded() -> None:
    """Lookups that hang can't pile up threads; beyond the bound a lookup is `dns` and temporary."""
    release = threading.Event()

    def lookup(*_: object, **__: object) -> list[tuple[Any, ...]]:
        release.wait()
        return []

    def looking() -> int:
        return sum(thread.name.startswith("lookup n") for thread in threading.enumerate())

    transport = RequestsTransport(lookup=lookup)
    with ThreadPoolExecutor(64) as threads:
        hanging = [threads.submit(transport.send, post(f"http://n{n}.example/", seconds=30)) for n in range(64)]
        while looking() < 64:
            time.sleep(0.005)
        over = transport.send(post("http://n64.example/"))
        release.set()
        answers = {told(one.result()) for one in hanging}
    transport.close()

    assert (told(over), answers) == ((Outcome.DNS, "temporary"), {(Outcome.DNS, "not_found")})


def test_idle_connections_are_bounded_over_all_receivers() -> None:
    """Whatever number of receivers, few connections stay open, and the longest idle ones go first."""
    transport = RequestsTransport(allow_networks=LOOPBACK, max_idle_connections=2)
    receivers = [ScriptedReceiver(answering(answer())) for _ in range(3)]
    for which in (0, 1, 2, 2, 1, 0):
        assert transport.send(post(receivers[which].url)).outcome is Outcome.OK
    transport.close()
    for receiver in receivers:
        receiver.close()

    assert [receiver.connections for receiver in receivers] == [2, 1, 1]


def test_a_connection_is_not_kept_longer_than_receivers_keep_theirs() -> None:
    """An idle connection is left before the receiver would close it under a report."""
    transport = RequestsTransport(allow_networks=LOOPBACK, idle_seconds=0.05)
    with ScriptedReceiver(answering(answer())) as receiver:
        for pause in (0.0, 0.1, 0.0):
            time.sleep(pause)
            transport.send(post(receiver.url))
    transport.close()

    assert receiver.connections == 2


def test_http_goes_through_a_proxy_in_absolute_form() -> None:
    """With a proxy the receiver's name is the proxy's to look up, and its own credentials go along."""
    with ScriptedReceiver(answering(answer())) as proxy:
        transport = RequestsTransport(proxy=f"http://us:pw@127.0.0.1:{proxy.port}")
        response = transport.send(post("http://receiver.invalid:8080/hook"))
        transport.close()
    head = proxy.requests[0].decode().lower()

    assert response.outcome is Outcome.OK
    assert head.startswith("post http://receiver.invalid:8080/hook http/1.1\r\n")
    assert f"proxy-authorization: basic {base64.b64encode(b'us:pw').decode()}".lower() in head


def test_https_goes_through_a_tunnel_and_is_verified(tmp_path: Path) -> None:
    """With a proxy TLS is still between us and the receiver, and its certificate is still checked."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("receiver.invalid").configure_cert(context)
    got = []

    def tunnel(peer: Peer) -> None:
        got.append(peer.read_request())
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(peer.connection, server_side=True) as inner:
            got.append(inner.recv(65_536) + inner.recv(65_536))
            inner.sendall(answer())

    with ScriptedReceiver(tunnel) as proxy:
        transport = RequestsTransport(proxy=f"http://us:pw@127.0.0.1:{proxy.port}", ca_file=tmp_path / "ca.pem")
        response = transport.send(post("https://receiver.invalid/hook"))
        transport.close()

    assert told(response) == (Outcome.OK, None)
    assert got[0].startswith(b"CONNECT receiver.invalid:443 HTTP/1.")
    assert b"roxy-" not in got[1]


def test_a_proxy_that_refuses_or_stalls_is_an_outcome() -> None:
    """A refused tunnel is `connect`, a stalled one ends with the deadline."""
    refusing = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    for script, expected in (
        (answering(refusing), (Outcome.CONNECT, "proxy_refused")),
        (Peer.wait, (Outcome.TIMEOUT, "timeout_connect")),
    ):
        with ScriptedReceiver(script) as proxy:
            transport = RequestsTransport(proxy=f"http://127.0.0.1:{proxy.port}")
            assert told(transport.send(post("https://receiver.invalid/", seconds=DEADLINE))) == expected
            transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "169.254.169.254"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_no_way_round_the_guard(scheme: str, host: str) -> None:
    """What is known here to be private is refused before the proxy hears of it."""
    with ScriptedReceiver(answering(answer())) as proxy:
        transport = RequestsTransport(proxy=f"http://127.0.0.1:{proxy.port}")
        response = transport.send(post(f"{scheme}://{host}:81/"))
        transport.close()

    assert (told(response), proxy.connections) == ((Outcome.BLOCKED, "address_refused"), 0)


@pytest.mark.parametrize(
    "proxy", ["https://p:3128", "p:3128", "socks5://p:1080", "http://p", "http://:3128", "http://p:x"]
)
def test_a_proxy_that_cannot_work_is_refused(proxy: str) -> None:
    """A wrong proxy is a configuration error that does not repeat its password."""
    with pytest.raises(ConfigurationError, match=r"sender\.proxy: expected http://\[user:password@\]host:port"):
        RequestsTransport(proxy=proxy)


def test_settings_make_the_transport() -> None:
    """`auto` is requests as long as nothing else is installed; networks and cap come from the settings."""
    transport = make_transport(Sender(allow_networks=("127.0.0.0/8",), max_response_bytes=3))
    with ScriptedReceiver(answering(answer(body=b"12345"))) as receiver:
        response = transport.send(post(receiver.url))
    transport.close()

    assert (transport.name, response.body, response.cut) == ("requests", b"123", True)
    with pytest.raises(ConfigurationError, match="allow_networks"):
        RequestsTransport(allow_networks=("everything",))
