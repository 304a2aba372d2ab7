"""How every transport resolves and connects; proxies; what it keeps open."""

import base64
import errno
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
from outbox.sender.dialer import Resolver
from outbox.sender.sockets import PlainSocket
from tests.scripted import Peer, ScriptedReceiver, answer, answering
from tests.transports import BODY, DEADLINE, SLACK, MakeTransport, post, resolving, told


def failing(code: int) -> Callable[..., list[tuple[Any, ...]]]:
    """A resolver that always fails."""

    def lookup(*_: object, **__: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(code, "as told")

    return lookup


def test_a_dead_address_leaves_time_for_the_next(make_transport: MakeTransport) -> None:
    """Where a name has several addresses, a refusing one is passed over."""
    transport = make_transport(lookup=resolving(("127.0.0.9", "127.0.0.1")))
    with ScriptedReceiver(answering(answer())) as receiver:
        response = transport.send(post(f"http://name.example:{receiver.port}/"))

    assert response.outcome is Outcome.OK


def test_a_machine_without_ipv6_tries_the_other_addresses(
    monkeypatch: pytest.MonkeyPatch, make_transport: MakeTransport
) -> None:
    """A family that this machine can't open a socket of is a dead address, no more."""

    def without_ipv6(family: int, kind: int) -> PlainSocket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return PlainSocket(family, kind)

    def lookup(_: str, port: int, **__: object) -> list[tuple[Any, ...]]:
        both = ((socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port)))
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in both]

    monkeypatch.setattr("outbox.sender.dialer.PlainSocket", without_ipv6)
    transport = make_transport(lookup=lookup)
    with ScriptedReceiver(answering(answer())) as receiver:
        response = transport.send(post(f"http://name.example:{receiver.port}/"))

    assert response.outcome is Outcome.OK


def test_a_lookup_that_could_not_begin_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread to ask in, or a fault while asking, fails that send alone: the next one asks anew."""
    begun = threading.Thread.start
    short = [True, False, False]

    def start(thread: threading.Thread) -> None:
        if thread.name.startswith("lookup") and short.pop(0):
            raise RuntimeError("can't start new thread")
        begun(thread)

    asked: list[object] = []

    def lookup(*name: object, **_: object) -> list[tuple[Any, ...]]:
        asked.append(name)
        if len(asked) == 1:
            raise MemoryError
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(threading.Thread, "start", start)
    resolver = Resolver(lookup)

    with pytest.raises(socket.gaierror, match="thread"):
        resolver.find("name.example", 80, seconds=1)
    with pytest.raises(MemoryError):
        resolver.find("name.example", 80, seconds=1)
    assert resolver.find("name.example", 80, seconds=1) == [(socket.AF_INET, ("127.0.0.1", 80))]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, "not_found"),
        (socket.EAI_NODATA, "not_found"),
        (socket.EAI_AGAIN, "temporary"),
        (socket.EAI_FAIL, "lookup_failed"),
    ],
)
def test_lookups_fail_by_name(make_transport: MakeTransport, number: int, code: str) -> None:
    """A name that is not there is told from a name server that is not there."""
    transport = make_transport(allow_networks=(), lookup=failing(number))

    assert told(transport.send(post("http://name.example/"))) == (Outcome.DNS, code)


def test_a_lookup_that_hangs_ends_with_the_deadline_and_holds_nobody_else(make_transport: MakeTransport) -> None:
    """A name server that never answers costs one thread for its name, and its own receivers their deadline."""
    release = threading.Event()

    def lookup(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        if host == "hangs.example":
            release.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    transport = make_transport(lookup=lookup)
    with ScriptedReceiver(answering(answer())) as receiver, ThreadPoolExecutor(8) as threads:
        started = time.monotonic()
        request = post(f"http://hangs.example:{receiver.port}/", seconds=DEADLINE)
        hanging = [threads.submit(transport.send, request) for _ in range(5)]
        assert transport.send(post(f"http://well.example:{receiver.port}/")).outcome is Outcome.OK
        outcomes = {told(one.result()) for one in hanging}
        looking = [thread for thread in threading.enumerate() if thread.name == "lookup hangs.example"]
        assert time.monotonic() - started < DEADLINE + SLACK
    release.set()

    assert (outcomes, len(looking)) == ({(Outcome.TIMEOUT, "timeout_dns")}, 1)


def test_hanging_lookups_are_bounded(make_transport: MakeTransport) -> None:
    """Lookups that hang can't pile up threads; beyond the bound a lookup is `dns` and temporary."""
    release = threading.Event()

    def lookup(*_: object, **__: object) -> list[tuple[Any, ...]]:
        release.wait()
        return []

    def looking() -> int:
        return sum(thread.name.startswith("lookup n") for thread in threading.enumerate())

    transport = make_transport(allow_networks=(), lookup=lookup)
    with ThreadPoolExecutor(64) as threads:
        hanging = [threads.submit(transport.send, post(f"http://n{n}.example/", seconds=30)) for n in range(64)]
        while looking() < 64:
            time.sleep(0.005)
        over = transport.send(post("http://n64.example/"))
        release.set()
        answers = {told(one.result()) for one in hanging}

    assert (told(over), answers) == ((Outcome.DNS, "temporary"), {(Outcome.DNS, "not_found")})


def test_idle_connections_are_bounded_over_all_receivers(make_transport: MakeTransport) -> None:
    """Whatever number of receivers, few connections stay open, and the longest idle ones go first."""
    transport = make_transport(max_idle_connections=2)
    receivers = [ScriptedReceiver(answering(answer())) for _ in range(3)]
    for which in (0, 1, 2, 2, 1, 0):
        assert transport.send(post(receivers[which].url)).outcome is Outcome.OK
    for receiver in receivers:
        receiver.close()

    assert [receiver.connections for receiver in receivers] == [2, 1, 1]


def test_a_connection_is_not_kept_longer_than_receivers_keep_theirs(make_transport: MakeTransport) -> None:
    """An idle connection is left before the receiver would close it under a report."""
    transport = make_transport(idle_seconds=0.05)
    with ScriptedReceiver(answering(answer())) as receiver:
        for pause in (0.0, 0.1, 0.0):
            time.sleep(pause)
            transport.send(post(receiver.url))

    assert receiver.connections == 2


def test_http_goes_through_a_proxy_in_absolute_form(make_transport: MakeTransport) -> None:
    """With a proxy the receiver's name is the proxy's to look up, and its own credentials go along."""
    with ScriptedReceiver(answering(answer())) as proxy:
        transport = make_transport(allow_networks=(), proxy=f"http://us:pw@127.0.0.1:{proxy.port}")
        response = transport.send(post("http://receiver.invalid:8080/hook"))
    head = proxy.requests[0].decode().lower()

    assert response.outcome is Outcome.OK
    assert head.startswith("post http://receiver.invalid:8080/hook http/1.1\r\n")
    assert f"proxy-authorization: basic {base64.b64encode(b'us:pw').decode()}".lower() in head


def test_https_goes_through_a_tunnel_and_is_verified(make_transport: MakeTransport, tmp_path: Path) -> None:
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
            got.append(inner.recv(65_536))
            while not got[1].endswith(BODY):
                got[1] += inner.recv(65_536)
            inner.sendall(answer())

    with ScriptedReceiver(tunnel) as proxy:
        transport = make_transport(
            allow_networks=(), proxy=f"http://us:pw@127.0.0.1:{proxy.port}", ca_file=tmp_path / "ca.pem"
        )
        response = transport.send(post("https://receiver.invalid/hook"))

    assert told(response) == (Outcome.OK, None)
    assert got[0].startswith(b"CONNECT receiver.invalid:443 HTTP/1.")
    assert b"roxy-" not in got[1]


def test_a_proxy_that_refuses_or_stalls_is_an_outcome(make_transport: MakeTransport) -> None:
    """A refused tunnel is `connect`, a stalled one ends with the deadline."""
    refusing = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    for script, expected in (
        (answering(refusing), (Outcome.CONNECT, "proxy_refused")),
        (Peer.wait, (Outcome.TIMEOUT, "timeout_connect")),
    ):
        with ScriptedReceiver(script) as proxy:
            transport = make_transport(allow_networks=(), proxy=f"http://127.0.0.1:{proxy.port}")
            assert told(transport.send(post("https://receiver.invalid/", seconds=DEADLINE))) == expected


@pytest.mark.parametrize(
    "proxy", ["https://p:3128", "p:3128", "socks5://p:1080", "http://p", "http://:3128", "http://p:x"]
)
def test_a_proxy_that_cannot_work_is_refused(make_transport: MakeTransport, proxy: str) -> None:
    """A wrong proxy is a configuration error that does not repeat its password."""
    with pytest.raises(ConfigurationError, match=r"sender\.proxy: expected http://\[user:password@\]host:port"):
        make_transport(allow_networks=(), proxy=proxy)
