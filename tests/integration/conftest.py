"""Every transport, for the conformance suite."""

from collections.abc import Iterator
from typing import Any

import pytest

from outbox.sender import Transport
from tests.transports import LOOPBACK, TRANSPORTS, MakeTransport


@pytest.fixture(params=TRANSPORTS)
def make_transport(request: pytest.FixtureRequest) -> Iterator[MakeTransport]:
    """Makes transports of one kind, which may send to loopback unless said otherwise, and closes them."""
    made: list[Transport] = []

    def make(**wanted: Any) -> Transport:
        made.append(TRANSPORTS[request.param](**{"allow_networks": LOOPBACK, **wanted}))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def transport(make_transport: MakeTransport) -> Transport:
    """A transport that may send to loopback."""
    return make_transport()
