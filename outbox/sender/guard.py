"""Which addresses reports may be sent to (pure): public ones, and the networks that the service's settings name."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

from outbox.errors import ConfigurationError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_METADATA = tuple(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")
)
"""Where clouds hand out credentials; Azure's 168.63.129.16 lies in public space."""

_REFUSED_4 = tuple(
    (IPv4Network(text), words)
    for text, words in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmark"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)

_REFUSED_6 = tuple(
    (IPv6Network(text), words)
    for text, words in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("2001::/32", "Teredo tunnel"),
        ("2001:2::/48", "benchmark"),
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4 tunnel"),
        ("3fff::/20", "documentation"),
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_CARRIES_IPV4 = (_NAT64, IPv6Network("::ffff:0:0:0/96"), IPv6Network("::/96"))
"""Prefixes whose last 32 bits are an IPv4 address: NAT64, translated and compatible ones."""


def refusal(address: Address, allow: Iterable[Network] = ()) -> str | None:
    """Why no report may go to `address`, in words; None if one may. Networks in `allow` are always open."""
    address = _plain(address)
    if any(address in network for network in allow):
        return None
    if address in _METADATA:
        return "cloud metadata"
    if isinstance(address, IPv4Address):
        return next((words for network, words in _REFUSED_4 if address in network), None)
    named = next((words for network, words in _REFUSED_6 if address in network), None)
    if named is not None:
        return named
    return None if address in _GLOBAL_6 else "reserved"


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, compatible, translated, NAT64), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if int(address) > 1 and any(address in network for network in _CARRIES_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return IPv6Address(int(address))


def read_networks(written: Iterable[str]) -> tuple[Network, ...]:
    """The networks of `allow_networks`; ConfigurationError names every one that can't be read."""
    networks: list[Network] = []
    faults: list[str] = []
    for text in written:
        try:
            networks.append(ip_network(text.strip()))
        except ValueError as error:
            faults.append(
                f"sender.allow_networks: expected networks such as 10.0.0.0/8 or fd00::/8, got {text!r} ({error});"
                " correct it"
            )
    if faults:
        raise ConfigurationError(*faults)
    return tuple(networks)
