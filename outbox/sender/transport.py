"""What every transport is to the relay."""

from typing import Protocol

from outbox.model import Request, Response


class Transport(Protocol):
    """Sends requests, from many threads at once; whatever a receiver does comes back as a Response."""

    @property
    def name(self) -> str:
        """The word of the setting `transport`, kept with each worker."""

    def send(self, request: Request) -> Response:
        """Posts once, within `request.timeout_seconds` for everything from name lookup to last byte."""

    def close(self) -> None:
        """Closes the connections that are kept open."""
