"""Hosts of a test's own: Linux network namespaces, each linked to a hub, with addresses that exist nowhere else."""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import find_tool

HUB = "10.213.0.1"
NETWORK = "10.213.0.0/16"
NAMES = "outbox-test"
CLONE_NEWNET = 0x40000000
_networks = itertools.count(1)


class Network:
    """Namespaces named after this process; `h1`, `h2`, ... reach the hub's address over a link each."""

    def __init__(self, hosts: int) -> None:
        self._prefix = f"{NAMES}-{os.getpid()}-{next(_networks)}"
        self.hub = f"{self._prefix}-hub"
        self.hosts = [f"h{number}" for number in range(1, hosts + 1)]

    def make(self) -> None:
        """Makes all of it; fails with the reason where this process may not."""
        for name in (self.hub, *map(self._namespace, self.hosts)):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.hub, "address", "add", f"{HUB}/32", "dev", "lo")
        for number, host in enumerate(self.hosts, start=1):
            there = self._namespace(host)
            _ip("-n", self.hub, "link", "add", host, "type", "veth", "peer", "name", "wire", "netns", there)
            _ip("-n", self.hub, "address", "add", f"10.213.{number}.1/24", "dev", host)
            _ip("-n", there, "address", "add", f"10.213.{number}.2/24", "dev", "wire")
            _ip("-n", self.hub, "link", "set", host, "up")
            _ip("-n", there, "link", "set", "wire", "up")
            _ip("-n", there, "route", "add", "default", "via", f"10.213.{number}.1")

    def remove(self) -> None:
        """Ends what still runs in the namespaces, and removes them; their links go with them."""
        for line in _ip("netns", "list").splitlines():
            if (name := line.split()[0]).startswith(f"{self._prefix}-"):
                for pid in _ip("netns", "pids", name).split():
                    if int(pid) != os.getpid():
                        os.kill(int(pid), 9)
                _ip("netns", "delete", name)

    def on(self, host: str) -> tuple[str, ...]:
        """What starts a command on this host, which then has its name and address."""
        named = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host)
        return ("ip", "netns", "exec", self._namespace(host), *named)

    def cut(self, host: str) -> None:
        """Pulls the cable: nobody is told, and what is sent goes nowhere."""
        _ip("-n", self.hub, "link", "set", host, "down")

    def join(self, host: str) -> None:
        """Puts it back."""
        _ip("-n", self.hub, "link", "set", host, "up")

    def _namespace(self, host: str) -> str:
        return f"{self._prefix}-{host}"


@contextmanager
def network(hosts: int) -> Iterator[Network]:
    """A network for the length of a test; within the block this thread, and what it starts, is on the hub."""
    find_tool("ip", "iproute2")
    made = Network(hosts)
    try:
        made.make()
        with _within(made.hub):
            yield made
    finally:
        made.remove()


@contextmanager
def _within(namespace: str) -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open() as home, Path("/run/netns", namespace).open() as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(namespace: int) -> None:
    """Puts this thread into a network namespace; Python has os.setns from 3.12 on."""
    library = ctypes.CDLL(None, use_errno=True)
    assert library.setns(namespace, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    why = "this test makes Linux network namespaces, and needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN) for it"
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}; {why}"
    return done.stdout
