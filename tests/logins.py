"""A contract database under `migrate --roles`: one login for each role, and an application that owns its own tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import create_engine

from outbox.install import install
from outbox.mapping import Mapping
from outbox.migrations import migrate
from tests.factories import Connection
from tests.postgres import Server

MEMBERS = {
    "deployer": "outbox_owner",
    "worker": "outbox_relay",
    "auditor": "outbox_auditor",
    "eraser": "outbox_eraser",
    "web": "outbox_web",
}
"""Logins, each a member of one role and of nothing else; in the cluster the database's name stands behind."""

APPLICATION = """
CREATE TABLE public.contract (id integer PRIMARY KEY, unit text, status text, title text,
  expires_at timestamptz);
CREATE TABLE public.unit (id text PRIMARY KEY, name text);
CREATE TABLE public.company (id text PRIMARY KEY, unit text, name text);
INSERT INTO public.unit VALUES ('bu1', 'North');
ALTER TABLE public.contract OWNER TO {application};
ALTER TABLE public.unit OWNER TO {application};
ALTER TABLE public.company OWNER TO {application};
GRANT SELECT ON public.contract, public.unit, public.company TO outbox_owner;
GRANT TRIGGER ON public.contract TO outbox_owner;
"""
"""What a DBA grants for a mapping: SELECT on what its queries read, TRIGGER where rules stand."""

MAPPING = {
    "contract": {
        "query": "SELECT id AS contract_id, unit AS business_unit, status, title, expires_at FROM public.contract"
    },
    "expired": {"open": "status = 'draft'"},
    "business_unit": {"query": "SELECT id AS business_unit, name FROM public.unit"},
    "company": {"query": "SELECT id AS company, unit AS business_unit, name FROM public.company"},
    "capture": [
        {"trigger": "create", "table": "public.contract", "on": "insert", "contract": "new.id"},
        {"trigger": "update", "table": "public.contract", "on": "update", "contract": "new.id"},
    ],
}


@dataclass(frozen=True)
class Logins:
    """A database, and who may log in to it."""

    server: Server
    name: str

    def url(self, login: str = "postgres") -> str:
        """For SQLAlchemy and OUTBOX_DATABASE_URL."""
        user = login if login == "postgres" else self.user(login)
        return self.server.sqlalchemy_url(self.name).replace("postgres@", f"{user}@", 1)

    def user(self, login: str) -> str:
        """What the cluster calls it."""
        return f"{login}_{self.name}"

    def connect(self, login: str = "postgres") -> Connection:
        """A session of that login whose every statement stands at once; the caller closes it."""
        return psycopg.connect(self.url(login).replace("+psycopg", "", 1), autocommit=True)

    def prepare(self) -> None:
        """Makes the logins, and the application's tables."""
        with self.connect() as dba:
            dba.execute(f"CREATE ROLE {self.user('application')} LOGIN".encode())
            for login, role in MEMBERS.items():
                dba.execute(f"CREATE ROLE {self.user(login)} LOGIN IN ROLE {role}".encode())
            dba.execute(APPLICATION.format(application=self.user("application")).encode())

    def drop(self) -> None:
        """Drops them again: they are the cluster's, and outlive the database."""
        with self.connect() as dba:
            for user in map(self.user, ("application", *MEMBERS)):
                dba.execute(f"DROP OWNED BY {user} CASCADE; DROP ROLE {user}".encode())

    def install(self) -> None:
        """Captures, as the owner's login does."""
        engine = create_engine(self.url("deployer"))
        install(engine, Mapping.model_validate(MAPPING))
        engine.dispose()


@contextmanager
def logins(server: Server, name: str) -> Iterator[Logins]:
    """Makes the roles in the migrated database, the logins and the application; the logins are dropped afterwards."""
    made = Logins(server, name)
    engine = create_engine(made.url())
    migrate(engine, with_roles=True)
    engine.dispose()
    made.prepare()
    try:
        yield made
    finally:
        made.drop()
