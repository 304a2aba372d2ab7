"""Connections to PostgreSQL: engines, and how to tell a lost database from a wrong statement."""

from typing import Any

import psycopg
from psycopg import pq
from psycopg.types.array import ListBinaryDumper
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from outbox.errors import ConfigurationError
from outbox.settings import Settings
from outbox.suggest import suggestion

APPLICATION_NAME = "contract-outbox"
REACH_MEND = "check that PostgreSQL runs, and host, user and password in OUTBOX_DATABASE_URL"


def database_url(settings: Settings) -> URL:
    """The URL with the driver we use; raises ConfigurationError when there is none or it is no PostgreSQL.

    Messages never show the URL: it carries a password as a rule.
    """
    written = settings.database_url.get_secret_value()
    if not written:
        raise ConfigurationError(
            "OUTBOX_DATABASE_URL: expected the contract database's URL, got none;"
            " set it, such as postgresql://outbox@localhost/contracts, or OUTBOX_DATABASE_URL_FILE"
        )
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError that shows what stands around it
        raise ConfigurationError(
            "database.url: expected a URL such as postgresql://user@host:5432/database, got something else;"
            " in user and password write / @ : # ? % as %2F %40 %3A %23 %3F %25"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            f"database.url: expected a postgresql:// URL, got {url.get_backend_name()}://;"
            " the outbox lives in the contract application's PostgreSQL database"
        )
    known = {one.keyword.decode() for one in pq.Conninfo.get_defaults()}
    unknown = [
        f"database.url: {name}: unknown option; {suggestion(name, known)}" for name in url.query if name not in known
    ]
    if unknown:
        raise ConfigurationError(*unknown)
    return url.set(drivername="postgresql+psycopg")


def link_settings(settings: Settings) -> dict[str, int]:
    """What every connection is opened with, so that a host that vanished is noticed: idle within a minute, too.

    Without the last one the kernel sends an unacknowledged statement again for a quarter of an hour.
    """
    return {
        "connect_timeout": settings.database.connect_timeout_seconds,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }


def make_engine(
    settings: Settings,
    *,
    pool_size: int | None = None,
    name: str = APPLICATION_NAME,
    abandoned_seconds: float | None = None,
    durable: bool = True,
) -> Engine:
    """An engine on the contract database; connections speak UTC.

    A thread never waits for another's connection: a pool is at least as big as there are threads that use it, for who
    waits in it isn't told when the connection that it waits for can't be made. `pool_size` 0 keeps none open.
    A person's command gets connections that are checked before use. A worker, which says `abandoned_seconds`, doesn't
    pay for that a hundred times a second: it tries again. After those seconds the server ends a transaction whose
    client is silent, or takes nothing more: a host that was cut off would otherwise hold its lanes and rows until TCP
    gives up, after a quarter of an hour or two hours.
    Errors name a statement without its values, which are contracts and headers.
    Not `durable`: a commit doesn't wait for the disk, and a crash of the server may forget the last of them.
    READ COMMITTED, whatever the database's default is: who waited for a lane must see what its last holder did.
    """
    connect_args: dict[str, Any] = {**link_settings(settings), "application_name": name}
    if settings.database.pgbouncer:
        connect_args["prepare_threshold"] = None
    else:
        connect_args["options"] = "-c TimeZone=UTC" + _abandoned_after(abandoned_seconds)
        connect_args["options"] += "" if durable else " -c synchronous_commit=off"
    size = settings.database.pool_size if pool_size is None else pool_size
    pool: dict[str, Any] = {"pool_size": size, "max_overflow": 0} if size else {"poolclass": NullPool}
    engine = create_engine(
        database_url(settings),
        **pool,
        pool_pre_ping=abandoned_seconds is None,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args=connect_args,
    )
    event.listen(engine, "connect", _send_arrays_in_binary)
    return engine


def _send_arrays_in_binary(connection: psycopg.Connection[object], record: object) -> None:
    """As text every element is quoted by a regular expression: 50 us of CPU for a settled attempt, against 4."""
    del record
    connection.adapters.register_dumper(list, ListBinaryDumper)


def _abandoned_after(seconds: float | None) -> str:
    if seconds is None:
        return ""
    limits = ("idle_in_transaction_session_timeout", "tcp_user_timeout")
    return "".join(f" -c {limit}={round(seconds * 1000)}" for limit in limits) + (
        " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    )


def is_transient(error: DBAPIError) -> bool:
    """Whether the database went away, is read-only, full or shutting down: worth waiting for, nobody's mistake."""
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated:
        return True
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in ("08", "40", "53", "57", "58") or state in ("25006", "55P03")


def has_to_wait(error: DBAPIError) -> bool:
    """Whether a statement was ended for a lock, a deadlock or its time, on a connection that is well."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return not error.connection_invalidated and (state[:2] == "40" or state in ("55P03", "57014"))


def first_line(error: BaseException) -> str:
    """What went wrong, without the details: a refused row stands there whole, a receiver's answer in it."""
    words = error.orig if isinstance(error, DBAPIError) else error
    return str(words).strip().partition("\n")[0]


def unreached(error: DBAPIError) -> str | None:
    """What was expected, what came and the mend, where no server answered at all; None where one did."""
    if not isinstance(error, OperationalError) or getattr(error.orig, "sqlstate", None) is not None:
        return None
    return f"expected an answer from the database, got: {first_line(error)}; {REACH_MEND}"


def run_script(connection: Connection, sql: str) -> None:
    """Runs a script as it stands: no binds, so that colons and percent signs mean nothing."""
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


def server_version(connection: Connection) -> int:
    """PostgreSQL's version as a number, such as 160004."""
    return int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
