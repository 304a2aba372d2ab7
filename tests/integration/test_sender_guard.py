"""No spelling, name, proxy or environment leads any transport to an address that is not open."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from outbox.model import Outcome
from tests.scripted import ScriptedReceiver, answer, answering
from tests.transports import DEADLINE, MakeTransport, post, resolving, told

REFUSED = {
    "loopback": "127.0.0.1 127.255.255.254 localhost [::1]",
    "loopback in other numbers": "2130706433 0x7f000001 017700000001 0x7f.0.0.1 0177.0.0.1 127.1 127.0.1 0x7f.1",
    "unspecified": "0.0.0.0 0 0x0 [::]",
    "private": "10.0.0.1 172.16.0.1 172.31.255.254 192.168.0.1 167772161 0xa000001 012.0.0.1 10.1",
    "link-local and metadata": "169.254.0.1 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 [fe80::1]",
    "metadata elsewhere": "168.63.129.16 100.100.100.200 [fd00:ec2::254]",
    "carrier-grade": "100.64.0.1 100.127.255.254 1681915905",
    "benchmark": "198.18.0.1 198.19.255.254 [2001:2::1]",
    "multicast": "224.0.0.1 239.255.255.255 [ff02::1]",
    "reserved": "240.0.0.1 255.255.255.255 192.0.0.1 192.0.2.1 [100::1] [2001:db8::1] [4000::1]",
    "mapped": "[::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:a00:1] [::ffff:169.254.169.254] [::127.0.0.1]",
    "NAT64": "[64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b:1::7f00:1]",
    "6to4 and Teredo": "[2002:7f00:1::1] [2002:a00:1::] [2001:0:7f00:1::1] 192.88.99.1",
    "unique local": "[fc00::1] [fd12:3456::1] [fec0::1]",
    "user information": "example.com@127.0.0.1 example.com:80@10.0.0.1 8.8.8.8@[::1] 8.8.8.8%40@127.1",
}
DOTTED = ("127.0.0.1.", "localhost.", "10.0.0.1.", "127.1.")
"""With a dot at the end: a resolver may read an address or look for a name that isn't there."""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", REFUSED)
def test_an_address_that_is_not_public_is_blocked(make_transport: MakeTransport, kind: str, scheme: str) -> None:
    """Without allow_networks no spelling of such an address is connected to."""
    transport = make_transport(allow_networks=())
    with ScriptedReceiver(answering(answer())) as receiver:
        responses = {
            host: transport.send(post(f"{scheme}://{host}:{receiver.port}/", seconds=2))
            for host in REFUSED[kind].split()
        }

    assert {host: told(one) for host, one in responses.items()} == dict.fromkeys(
        responses, (Outcome.BLOCKED, "address_refused")
    )
    assert all("sender.allow_networks" in (one.error or "") for one in responses.values())
    assert receiver.connections == 0


@pytest.mark.parametrize("host", DOTTED)
def test_a_dot_at_the_end_opens_nothing(make_transport: MakeTransport, host: str) -> None:
    """Address or unknown name, nothing is connected to."""
    with ScriptedReceiver(answering(answer())) as receiver:
        response = make_transport(allow_networks=()).send(post(f"http://{host}:{receiver.port}/", seconds=2))

    assert response.outcome in (Outcome.BLOCKED, Outcome.DNS, Outcome.TIMEOUT)
    assert receiver.connections == 0


def test_environment_proxies_and_netrc_are_ignored(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where reports go and what authorizes them stands in the configuration alone; the guard is no softer for it."""
    for name in (".netrc", "_netrc"):
        (tmp_path / name).write_text("machine 127.0.0.1 login eve password leaked\ndefault login eve password leaked\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with ScriptedReceiver(answering(answer())) as proxy, ScriptedReceiver(answering(answer())) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        sent = make_transport().send(post(receiver.url))
        refused = [
            make_transport(allow_networks=()).send(post(f"{scheme}://10.0.0.1/")) for scheme in ("http", "https")
        ]

    assert (sent.outcome, {one.outcome for one in refused}) == (Outcome.OK, {Outcome.BLOCKED})
    assert (proxy.connections, b"authorization" in receiver.requests[0].lower()) == (0, False)


def test_no_proxy_of_the_environment_passes_by_the_proxy(
    make_transport: MakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the settings name a proxy, the environment can't send reports past it."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    with ScriptedReceiver(answering(answer())) as proxy:
        response = make_transport(proxy=f"http://127.0.0.1:{proxy.port}").send(post("http://receiver.invalid/"))

    assert (response.outcome, proxy.connections) == (Outcome.OK, 1)


def test_the_address_that_was_checked_is_the_one_connected_to(make_transport: MakeTransport) -> None:
    """A name that changes its address between check and connect gains nothing: it is looked up once."""
    transport = make_transport(lookup=resolving(("127.0.0.1",), ("10.0.0.1",)))
    with ScriptedReceiver(answering(answer())) as receiver:
        first = transport.send(post(f"http://name.example:{receiver.port}/"))
        transport.close()
        second = transport.send(post(f"http://name.example:{receiver.port}/"))

    assert (told(first), told(second)) == ((Outcome.OK, None), (Outcome.BLOCKED, "address_refused"))
    assert "10.0.0.1 (private)" in (second.error or "")


def test_of_mixed_addresses_only_open_ones_are_connected_to(make_transport: MakeTransport) -> None:
    """A name with refused and open addresses is sent to at the open ones, never at the others."""
    lookup = resolving(("10.0.0.1", "127.0.0.2", "169.254.169.254"))
    transport = make_transport(allow_networks=["127.0.0.2/32"], lookup=lookup)
    with socket.create_server(("127.0.0.2", 0)) as listener:
        port = listener.getsockname()[1]
        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(transport.send, post(f"http://name.example:{port}/", seconds=DEADLINE))
            accepted, _ = listener.accept()
            response = sending.result()
        accepted.close()

    assert told(response) == (Outcome.TIMEOUT, "timeout_first_byte")


def test_a_name_with_refused_addresses_alone_is_blocked(make_transport: MakeTransport) -> None:
    """All of them are told."""
    transport = make_transport(allow_networks=(), lookup=resolving(("10.0.0.1", "127.0.0.1")))

    response = transport.send(post("http://name.example/"))

    assert told(response) == (Outcome.BLOCKED, "address_refused")
    assert "10.0.0.1 (private), 127.0.0.1 (loopback)" in (response.error or "")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "169.254.169.254", "2130706433"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_no_way_round_the_guard(make_transport: MakeTransport, scheme: str, host: str) -> None:
    """What is known here to be private is refused before the proxy hears of it."""
    with ScriptedReceiver(answering(answer())) as proxy:
        transport = make_transport(allow_networks=(), proxy=f"http://127.0.0.1:{proxy.port}")
        response = transport.send(post(f"{scheme}://{host}:81/"))

    assert (told(response), proxy.connections) == ((Outcome.BLOCKED, "address_refused"), 0)
