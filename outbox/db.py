"""Connections to PostgreSQL: engines, and how to tell a lost database from a wrong statement."""

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError

from outbox.errors import ConfigurationError
from outbox.settings import Settings

APPLICATION_NAME = "contract-outbox"


def database_url(settings: Settings) -> URL:
    """The URL with the driver we use; raises ConfigurationError when there is none or it is no PostgreSQL."""
    written = settings.database.url.get_secret_value()
    if not written:
        raise ConfigurationError(
            "OUTBOX_DATABASE_URL: expected the contract database's URL, got none;"
            " set it, such as postgresql://outbox@localhost/contracts"
        )
    try:
        url = make_url(written)
    except ArgumentError:
        raise ConfigurationError(
            "OUTBOX_DATABASE_URL: expected a URL such as postgresql://user@host/database, got something else"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(f"OUTBOX_DATABASE_URL: expected a postgresql:// URL, got {url.get_backend_name()}://")
    return url.set(drivername="postgresql+psycopg")


def make_engine(settings: Settings, *, pool_size: int | None = None, name: str = APPLICATION_NAME) -> Engine:
    """An engine on the contract database; connections speak UTC and are checked before use."""
    connect_args: dict[str, object] = {
        "connect_timeout": settings.database.connect_timeout_seconds,
        "application_name": name,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    if settings.database.pgbouncer:
        connect_args["prepare_threshold"] = None
    else:
        connect_args["options"] = "-c TimeZone=UTC"
    return create_engine(
        database_url(settings),
        pool_size=pool_size or settings.database.pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=connect_args,
    )


def is_transient(error: DBAPIError) -> bool:
    """Whether the database went away, is read-only, full or shutting down: worth waiting for, nobody's mistake."""
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or state is None:
        return True
    return state[:2] in ("08", "40", "53", "57", "58") or state in ("25006", "55P03")


def server_version(connection: Connection) -> int:
    """PostgreSQL's version as a number, such as 160004."""
    return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
