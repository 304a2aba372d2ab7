"""Sends one Request and brings back one Response, whatever the receiver does."""

from outbox.errors import ConfigurationError
from outbox.sender.guarded_transport import GuardedTransport
from outbox.sender.requests_transport import RequestsTransport
from outbox.sender.transport import Transport
from outbox.settings import Sender

__all__ = ["RequestsTransport", "Transport", "make_transport"]


def make_transport(settings: Sender) -> Transport:
    """The transport that the settings choose; ConfigurationError if they can't work."""
    return _chosen(settings.transport)(
        allow_networks=settings.allow_networks,
        ca_file=settings.ca_file,
        proxy=settings.proxy_url.get_secret_value() or None,
        max_response_bytes=settings.max_response_bytes,
    )


def _chosen(word: str) -> type[GuardedTransport]:
    """The class by its word; `auto` is curl where PycURL is installed."""
    if word == RequestsTransport.name:
        return RequestsTransport
    try:
        from outbox.sender.curl_transport import CurlTransport
    except ImportError as error:
        if word == "auto":
            return RequestsTransport
        raise ConfigurationError(
            f"sender.transport: expected PycURL for 'curl', got none that works ({error});"
            " install contract-outbox[curl], or choose 'requests' or 'auto'"
        ) from None
    return CurlTransport
