"""Every transport, for the conformance suite; a contract database with the outbox installed beside it."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from outbox.secret_box import make_key
from outbox.sender import Transport
from tests.command import Command, command
from tests.conftest import Database
from tests.contract_application import install_application
from tests.factories import Connection, connect
from tests.postgres import Server
from tests.transports import LOOPBACK, TRANSPORTS, MakeTransport

_numbers = itertools.count(1)


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


@pytest.fixture(scope="session")
def source_template(server: Server, template: str) -> str:
    """The name of a database to clone in which a mapping is installed."""
    name = "source_template"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    install_application(server, name)
    return name


@pytest.fixture
def source_database(make_database: Callable[..., Database], source_template: str) -> Database:
    """A contract application's database with the outbox installed beside it."""
    return make_database(source_template)


@pytest.fixture(scope="module")
def shared_source(server: Server, source_template: str) -> Iterator[Database]:
    """As source_database, for all tests of a module together: each leaves it as the next may find it."""
    name = f"shared_{next(_numbers)}"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as dba:
        dba.execute(f'CREATE DATABASE {name} TEMPLATE "{source_template}" STRATEGY file_copy'.encode())
        shared = Database(server, name)
        yield shared
        shared.dispose()
        dba.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def sql(source_database: Database) -> Iterator[Connection]:
    """A plain connection to it."""
    with connect(source_database) as connection:
        yield connection


@pytest.fixture
def command_line(
    source_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command on it, with a configuration folder of the test's own and one secret key."""
    return command(tmp_path, source_database.url, keys=make_key(), monkeypatch=monkeypatch, capsys=capsys)
