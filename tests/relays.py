"""Relays as the daemon makes them, in the test's own process."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine

from outbox.chores import Hands
from outbox.db import make_engine
from outbox.metrics import Measures
from outbox.relay import Relay
from outbox.secret_box import SecretBox
from outbox.sender import make_transport
from outbox.settings import Database as DatabaseSettings
from outbox.settings import Relay as RelaySettings
from outbox.settings import Sender, Settings
from tests.conftest import Database
from tests.factories import Connection
from tests.receiver import Receiver


def settings_for(database: Database, **relay: Any) -> Settings:
    """Settings on this database that may send to loopback; `relay` is that section."""
    return Settings.model_validate(
        {
            "database": DatabaseSettings.model_validate({"url": database.url}),
            "relay": RelaySettings(**relay),
            "sender": Sender(allow_networks=("127.0.0.0/8",)),
        }
    )


@contextmanager
def relay_on(
    database: Database, *, worker: str = "w1", drain_seconds: float = 5.0, keys: Sequence[str] = (), **relay: Any
) -> Iterator[Relay]:
    """A relay, drained and closed at the end."""
    settings = settings_for(database, **relay)
    engines = make_engine(settings), make_engine(settings, pool_size=2)
    transport = make_transport(settings.sender)
    running = Relay(
        settings,
        claiming=engines[0],
        settling=engines[1],
        transport=transport,
        box=SecretBox([SecretStr(key) for key in keys]),
        worker=worker,
    )
    try:
        yield running
        running.drain(seconds=drain_seconds)
    finally:
        transport.close()
        for engine in engines:
            engine.dispose()


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Runs it beside the block, and joins it at the end."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(timeout=30)
        assert not thread.is_alive(), "expected the work to end within 30 s"


PATIENCE = 4
"""How much longer than on a quiet machine anything may take: what is waited for costs nothing once it has come."""


def hands(engine: Engine, *, worker: str) -> Hands:
    """What a chore works with, in a test that runs it once."""
    return Hands(engine, Settings(), worker, lambda _, __: None, threading.Event(), Measures())


def wait_for(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Fails unless it comes true in time: so many seconds on a quiet machine."""
    deadline = time.monotonic() + PATIENCE * seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def numbers(crm: Receiver) -> list[tuple[str, str]]:
    """Id and attempt number of each request, as they came."""
    return [(got.headers["webhook-id"], got.headers["outbox-attempt"]) for got in crm.received]


def enable(sql: Connection, connector_id: int) -> None:
    """Switches it on, as a person does."""
    sql.execute(
        "UPDATE outbox.connector SET enabled = true, disabled_reason = NULL, disabled_at = NULL,"
        " version = version + 1 WHERE id = %s",
        [connector_id],
    )
