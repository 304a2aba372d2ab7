"""One PostgreSQL server a session, one migrated template in it, a clone for each test."""

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import psycopg
import pytest
from sqlalchemy import Engine, create_engine

from outbox.embedded import binaries
from outbox.log import configure_log
from outbox.migrations import migrate
from outbox.settings import Log
from tests.postgres import DEFAULT_VERSION, Server

_numbers = itertools.count(1)


@dataclass
class Database:
    """A database of a test's own."""

    server: Server
    name: str
    _engines: list[Engine] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For SQLAlchemy and OUTBOX_DATABASE_URL."""
        return self.server.sqlalchemy_url(self.name)

    @property
    def dsn(self) -> str:
        """For psycopg and libpq's programs."""
        return str(self.server.url(database=self.name))

    @cached_property
    def engine(self) -> Engine:
        """An engine that the fixture disposes of."""
        return self.make_engine()

    def make_engine(self) -> Engine:
        """A further engine, disposed of with the fixture."""
        engine = create_engine(self.url, pool_size=20)
        self._engines.append(engine)
        return engine

    def connect(self, **settings: object) -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection, as an application has one; the caller closes it."""
        return psycopg.connect(self.dsn, **settings)  # type: ignore[arg-type]

    def dispose(self) -> None:
        """Closes every engine."""
        for engine in self._engines:
            engine.dispose()


@pytest.fixture(autouse=True)
def log_lines() -> Iterator[None]:
    """Log lines as the service writes them, whatever a test set up before; never to a stream that the test closes."""
    settings = Log(level="debug", format="json")
    configure_log(settings, sys.__stderr__)
    yield
    configure_log(settings, sys.__stderr__)


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The session's server; a test may ask for another version by parametrizing it."""
    with Server(binaries(getattr(request, "param", DEFAULT_VERSION))) as running:
        yield running


def _administer(server: Server, statement: str) -> None:
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a migrated database to clone; nobody may stay connected to it."""
    _administer(server, "CREATE DATABASE outbox_template")
    engine = create_engine(server.sqlalchemy_url("outbox_template"))
    migrate(engine)
    engine.dispose()
    return "outbox_template"


@pytest.fixture
def make_database(server: Server) -> Iterator[Callable[..., Database]]:
    """Makes databases from a template (default: an empty one) and drops them after the test."""
    made: list[Database] = []

    def make(template: str = "template1") -> Database:
        database = Database(server, f"test_{next(_numbers)}")
        _administer(server, f'CREATE DATABASE "{database.name}" TEMPLATE "{template}" STRATEGY file_copy')
        made.append(database)
        return database

    yield make
    for database in made:
        database.dispose()
        _administer(server, f'DROP DATABASE "{database.name}" WITH (FORCE)')


@pytest.fixture
def database(make_database: Callable[..., Database], template: str) -> Database:
    """A fresh database with our schema in it."""
    return make_database(template)


@pytest.fixture
def empty_database(make_database: Callable[..., Database]) -> Database:
    """A fresh database with nothing in it."""
    return make_database()
