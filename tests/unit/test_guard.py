"""Which addresses the guard refuses, and how settings open networks."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.errors import ConfigurationError
from outbox.sender.guard import read_networks, refusal


@pytest.mark.parametrize(
    "text",
    [
        *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1"),
        *("223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "2a00::1", "::ffff:8.8.8.8"),
        "64:ff9b::808:808",
    ],
)
def test_public_addresses_are_open(text: str) -> None:
    """Public addresses are sent to, also when IPv6 carries a public IPv4 one."""
    assert refusal(ip_address(text)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.0.0.0", "unspecified"),  # noqa: S104 - judged here, not bound
        ("10.1.2.3", "private"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "cloud metadata"),
        ("168.63.129.16", "cloud metadata"),
        ("100.100.100.200", "cloud metadata"),
        ("fd00:ec2::254", "cloud metadata"),
        ("::ffff:169.254.169.254", "cloud metadata"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.1", "reserved for protocols"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4 relay"),
        ("192.168.1.1", "private"),
        ("198.19.255.255", "benchmark"),
        ("198.51.100.7", "documentation"),
        ("203.0.113.7", "documentation"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("fc00::1", "unique local"),
        ("fdff::1", "unique local"),
        ("ff02::1", "multicast"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("::ffff:0:10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b:1::7f00:1", "reserved"),
        ("2001:0:7f00:1::1", "Teredo tunnel"),
        ("2001:2::1", "benchmark"),
        ("2001:10::1", "reserved for protocols"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::1", "6to4 tunnel"),
        ("3fff::1", "documentation"),
        ("100::1", "reserved"),
        ("4000::1", "reserved"),
    ],
)
def test_addresses_that_are_not_public_are_refused_by_name(text: str, words: str) -> None:
    """Every range that is not public is refused, in plain and in embedded form, and the words say which."""
    assert refusal(ip_address(text)) == words


@pytest.mark.parametrize(
    ("network", "opened", "closed"),
    [
        ("127.0.0.0/8", ["127.0.0.1", "::ffff:127.0.0.1"], ["10.0.0.1", "::1"]),
        ("10.2.0.0/16", ["10.2.3.4", "64:ff9b::a02:304"], ["10.3.0.1"]),
        ("fd12::/16", ["fd12::5"], ["fd13::5"]),
        ("::1/128", ["::1"], ["127.0.0.1"]),
    ],
)
def test_settings_open_exactly_the_networks_they_name(network: str, opened: list[str], closed: list[str]) -> None:
    """An allowed network is open in every embedded form too; nothing else opens with it."""
    allow = read_networks([network])

    assert [refusal(ip_address(text), allow) for text in opened] == [None] * len(opened)
    assert all(refusal(ip_address(text), allow) for text in closed)


def test_networks_that_cannot_be_read_are_all_named() -> None:
    """Every wrong network is a fault of its own: setting, what was expected, what came."""
    with pytest.raises(ConfigurationError) as caught:
        read_networks(["10.0.0.0/8", "10.0.0.1/8", "localhost"])

    assert [fault.split(" (")[0] for fault in caught.value.faults] == [
        f"sender.allow_networks: expected networks such as 10.0.0.0/8 or fd00::/8, got {text!r}"
        for text in ("10.0.0.1/8", "localhost")
    ]


@given(st.integers(0, 2**32 - 1))
def test_whatever_the_registry_calls_private_is_refused(number: int) -> None:
    """No IPv4 address that is not globally reachable is open, nor any embedding of it."""
    address = IPv4Address(number)

    if not address.is_global or address.is_multicast:
        assert refusal(address)
        assert refusal(IPv6Address(f"::ffff:{address}"))
        assert refusal(IPv6Address((0x64FF9B << 96) | number))


@given(st.integers(0, 2**128 - 1))
def test_no_ipv6_address_outside_global_unicast_is_open(number: int) -> None:
    """Outside 2000::/3 only an embedded public IPv4 address is open."""
    address = IPv6Address(number)

    if refusal(address) is None and address not in ip_network("2000::/3"):
        assert refusal(IPv4Address(number & 0xFFFFFFFF)) is None
