"""Sends one Request and brings back one Response, whatever the receiver does."""

from outbox.sender.requests_transport import RequestsTransport
from outbox.sender.transport import Transport
from outbox.settings import Sender

__all__ = ["RequestsTransport", "Transport", "make_transport"]


def make_transport(settings: Sender) -> Transport:
    """The transport that the settings choose; ConfigurationError if they can't work."""
    return RequestsTransport(
        allow_networks=settings.allow_networks,
        ca_file=settings.ca_file,
        proxy=settings.proxy_url.get_secret_value() or None,
        max_response_bytes=settings.max_response_bytes,
    )
