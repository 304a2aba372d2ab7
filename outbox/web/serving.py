"""Serves the dashboard and the API until told to end."""

import logging
import socket
from ipaddress import ip_address

import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox.db import first_line, is_transient
from outbox.errors import OutboxError
from outbox.log import get_log
from outbox.migrations import check_schema
from outbox.settings import Settings
from outbox.signals import EndSignals
from outbox.watching import Web
from outbox.web.app import make_app
from outbox.web.site import Site

PATIENCE_SECONDS = 5
WAITING_CONNECTIONS = 128


def serve(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT, whose answers under way may finish; raises OutboxError where it can't."""
    signals = EndSignals()
    web = settings.web
    site = Site(settings)
    try:
        _check(site.engine)
        with _listening(web) as listening:
            server = uvicorn.Server(_config(site, web))
            signals.call(lambda: setattr(server, "should_exit", True))
            _say_where(web)
            server.run(sockets=[listening])
    finally:
        site.close()
    get_log().info("web_stopped")
    return 0


def _check(engine: Engine) -> None:
    """Raises where the schema is not this version's: better at the start than on every page.

    A database that can't be reached may come back: until then every page says so.
    """
    try:
        with engine.connect() as connection:
            check_schema(connection)
    except DBAPIError as error:
        if not is_transient(error):
            raise
        get_log().warning("database_unavailable", error=first_line(error))


def _listening(web: Web) -> socket.socket:
    family = socket.AF_INET6 if ip_address(web.address).version == 6 else socket.AF_INET  # noqa: PLR2004 (IPv6)
    try:
        return socket.create_server((web.address, web.port), family=family, backlog=WAITING_CONNECTIONS)
    except OSError as error:
        raise OutboxError(
            f"expected to listen on {web.address} port {web.port}, got: {error.strerror or error};"
            " choose others with web.address and web.port"
        ) from None


def _config(site: Site, web: Web) -> uvicorn.Config:
    """What a reverse proxy says of its client is believed of those that are named; of nobody by itself."""
    logging.getLogger("uvicorn.error").addHandler(_ToOurLog(logging.WARNING))
    logging.getLogger("uvicorn.error").propagate = False
    return uvicorn.Config(
        make_app(site),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        proxy_headers=bool(web.trusted_proxies),
        forwarded_allow_ips=list(web.trusted_proxies),
        timeout_graceful_shutdown=PATIENCE_SECONDS,
    )


def _say_where(web: Web) -> None:
    shown = f"[{web.address}]" if ":" in web.address else web.address
    get_log().info("web_started", url=f"http://{shown}:{web.port}/")
    if not ip_address(web.address).is_loopback and not web.trusted_proxies:
        get_log().warning(
            "web_open",
            address=web.address,
            words="passwords and pages cross the network unencrypted: put a reverse proxy that speaks TLS before it,"
            " and name it in web.trusted_proxies (docs/dashboard.md)",
        )


class _ToOurLog(logging.Handler):
    """What the server says, as a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        get_log().error("web_failed", words=record.getMessage(), exc_info=record.exc_info)
