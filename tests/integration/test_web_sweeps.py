"""What holds for every page and every call there is: taken from the routes, so that a new one is in it by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import psycopg
import pytest
from sqlalchemy import create_engine, text

from outbox.web.headers import POLICY
from tests.access_document import DOCUMENT, MARK, document, observed
from tests.conftest import Database
from tests.dashboard_sample import ALFA, SECRET, UNCOVERED, ZULU, Planted, install_dashboard_sample, plant
from tests.factories import Connection, connect
from tests.postgres import Server
from tests.web import PASSWORD, site_on
from tests.web_roles import KINDS, NOBODY, Everybody, everybody, parts_of
from tests.web_routes import OPEN, Call, calls

CALLS = [call for call in calls() if call != OPEN]
READING = [call for call in CALLS if call.safe]
CHANGING = [call for call in CALLS if not call.safe and not call.api]
LIMITED = [kind for kind, (_, within) in KINDS.items() if within is not None]
MOST_BYTES = 100_000
OF_ZULU = re.compile(rf"zulu|\b{ZULU.contracts // 1000}\d{{3}}\b|\b{ZULU.events // 1000}\d{{3}}\b", re.IGNORECASE)
PASSING = re.compile(r'name="csrf" value="[^"]+"|\?v=[0-9a-f]+')
"""What differs from one look to the next and tells nothing."""


@dataclass
class Ground:
    """Everybody on a database; what is planted in it."""

    database: Database
    sql: Connection
    people: Everybody
    alfa: Planted
    zulu: Planted | None = None

    def look(self, kind: str, call: Call, planted: Planted | None = None) -> httpx2.Response:
        """What this kind of people gets to see."""
        return self.people.by_kind[kind].make(call, parts_of(planted or self.alfa))


@pytest.fixture(scope="module")
def ground(server: Server, template: str) -> Iterator[Ground]:
    """A database of a unit, alfa; a further one, zulu, is planted by the tests that need it."""
    name = "swept"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    install_dashboard_sample(server, name)
    database = Database(server, name)
    with site_on(database) as site, connect(database) as sql:
        alfa = plant(database, sql, site.box, ALFA)
        with everybody(site) as people:
            yield Ground(database, sql, people, alfa)
    database.dispose()
