"""Opens sockets: looks the name up, checks every address, connects to checked ones only, all within the deadline."""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Any, TypeAlias

from outbox.model import Outcome
from outbox.sender.exchange import Exchange, Failure, Phase
from outbox.sender.failures import explain
from outbox.sender.guard import Network, refusal
from outbox.sender.sockets import PlainSocket

MOST_ADDRESSES = 8
MOST_LOOKUPS = 64

Place: TypeAlias = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""A socket's family, and the address to connect it to."""

Lookup: TypeAlias = Callable[..., Sequence[tuple[Any, ...]]]
"""What `socket.getaddrinfo` is."""


class Resolver:
    """Looks names up in threads of their own, since a lookup can't be interrupted.

    One thread a name at a time and at most `MOST_LOOKUPS` in all, so that a name server that hangs costs its own
    receivers their deadline, and nobody else anything.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[Place]]] = {}

    def find(self, host: str, port: int, *, seconds: float) -> list[Place]:
        """The addresses of `host`; TimeoutError after `seconds`, socket.gaierror if there are none."""
        return self._start(host, port).result(timeout=seconds)

    def _start(self, host: str, port: int) -> Future[list[Place]]:
        with self._lock:
            future = self._running.get((host, port))
            if future is not None:
                return future
            if len(self._running) >= MOST_LOOKUPS:
                raise socket.gaierror(socket.EAI_AGAIN, f"{MOST_LOOKUPS} other lookups are still unanswered")
            future = self._running[host, port] = Future()
        thread = threading.Thread(target=self._run, args=(host, port, future), name=f"lookup {host}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._forget(host, port)
            future.set_exception(socket.gaierror(socket.EAI_AGAIN, "this machine refuses the thread that would ask"))
        return future

    def _run(self, host: str, port: int, future: Future[list[Place]]) -> None:
        try:
            found = self._lookup(host, port, type=socket.SOCK_STREAM)
            places: list[Place] = [(family, address) for family, _, _, _, address in found]
        except Exception as error:  # noqa: BLE001 (whoever waits gets it; a name left as running is asked no more)
            self._forget(host, port)
            future.set_exception(error)
        else:
            self._forget(host, port)
            if places:
                future.set_result(places)
            else:
                future.set_exception(socket.gaierror(socket.EAI_NONAME, "no address"))

    def _forget(self, host: str, port: int) -> None:
        with self._lock:
            del self._running[host, port]


class Dialer:
    """Gives connected sockets to connections, and knows the exchange that each thread is in."""

    def __init__(self, *, allow: Sequence[Network], resolver: Resolver) -> None:
        self._allow = tuple(allow)
        self._resolver = resolver
        self._local = threading.local()

    @property
    def exchange(self) -> Exchange:
        """The exchange of the calling thread."""
        current: Exchange = self._local.exchange
        return current

    @exchange.setter
    def exchange(self, current: Exchange) -> None:
        self._local.exchange = current

    def dial(self, host: str, port: int, *, trusted: bool) -> PlainSocket:
        """A socket connected to a checked address of `host`; `trusted` (a proxy of the settings) skips the check.

        Where a name has open and refused addresses, only the open ones are tried.
        """
        exchange = self.exchange
        exchange.dialed = True
        exchange.enter(Phase.DNS)
        try:
            places = self._resolver.find(host, port, seconds=exchange.remaining())
        except (OSError, UnicodeError, ValueError) as error:
            raise explain(error, exchange) from error
        if not trusted:
            places = self._open_places(places)
        exchange.enter(Phase.CONNECT)
        return _connect(places[:MOST_ADDRESSES], exchange)

    def screen(self, host: str, port: int) -> None:
        """Refuses a target that a proxy will connect to, as far as it can be told from here.

        A name that only the proxy can look up is left to it; any refused address of one that is known here refuses it.
        """
        exchange = self.exchange
        exchange.enter(Phase.DNS)
        try:
            places = self._resolver.find(host, port, seconds=exchange.remaining() / 4)
        except (OSError, UnicodeError, ValueError):
            return
        self._open_places(places, every=True)

    def _open_places(self, places: list[Place], *, every: bool = False) -> list[Place]:
        judged = [(place, refusal(ip_address(place[1][0]), self._allow)) for place in places]
        allowed = [place for place, words in judged if words is None]
        refused = dict.fromkeys(f"{place[1][0]} ({words})" for place, words in judged if words is not None)
        if not allowed or (every and refused):
            raise Failure(
                Outcome.BLOCKED,
                "address_refused",
                f"the URL leads to {', '.join(refused)}: only public addresses and the networks of"
                " sender.allow_networks may be reported to",
            )
        return allowed


def _connect(places: list[Place], exchange: Exchange) -> PlainSocket:
    """Tries each address in turn, with an equal share of the time left, so that a dead one leaves time for the next."""
    failed: OSError | None = None
    for position, (family, address) in enumerate(places):
        try:
            connection = PlainSocket(family, socket.SOCK_STREAM)
        except OSError as error:  # this machine has no such family, or no socket left
            failed = error
            continue
        try:
            connection.exchange = exchange
            connection.settimeout(exchange.remaining() / (len(places) - position))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(address)
            connection.settimeout(exchange.remaining())
        except OSError as error:
            connection.close()
            failed = error
        except Failure:
            connection.close()
            raise
        else:
            return connection
    raise explain(failed or OSError("no address"), exchange) from failed
