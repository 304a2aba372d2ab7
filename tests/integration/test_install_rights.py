"""What plan and install say to a role that lacks a right: the right and its GRANT, never that a table is missing."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from outbox.errors import ConfigurationError
from outbox.install import plan
from outbox.mapping import Mapping
from tests.conftest import Database

OWNER = "asker"
MAPPING = {
    "contract": {
        "query": "SELECT id AS contract_id, unit AS business_unit, status FROM s.agreement",
        "table": "s.agreement",
        "key": "id",
    },
    "business_unit": {"query": "SELECT DISTINCT unit AS business_unit, unit AS name FROM s.agreement"},
    "capture": [{"trigger": "create", "table": "s.agreement", "on": "insert", "contract": "new.id"}],
}


@pytest.fixture
def asker(database: Database) -> Iterator[Engine]:
    """A login that owns nothing, beside a table of contracts in a schema of its own."""
    with database.connect(autocommit=True) as dba:
        dba.execute("CREATE SCHEMA s")
        dba.execute("CREATE TABLE s.agreement (id integer PRIMARY KEY, unit text, status text)")
        dba.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
        dba.execute(f"GRANT USAGE ON SCHEMA outbox TO {OWNER}".encode())
        dba.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA outbox TO {OWNER}".encode())
        dba.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA outbox TO {OWNER}".encode())
    engine = create_engine(database.url.replace("postgres@", f"{OWNER}@", 1))
    yield engine
    engine.dispose()
    with database.connect(autocommit=True) as dba:
        dba.execute(f"DROP OWNED BY {OWNER}; DROP ROLE {OWNER}".encode())


def faults(engine: Engine) -> str:
    """What a plan finds, a fault a line; nothing where all is well."""
    try:
        with engine.connect() as connection:
            plan(connection, Mapping.model_validate(MAPPING))
    except ConfigurationError as error:
        return str(error)
    return ""


def test_each_missing_right_is_named_until_none_is_missing(database: Database, asker: Engine) -> None:
    """Schema first, then table, then trigger: what it says to grant is granted, and is enough in the end."""
    steps = [
        ("USAGE on schema s", "GRANT USAGE ON SCHEMA s TO asker"),
        ("SELECT on table s.agreement", "GRANT SELECT ON s.agreement TO asker"),
        ("TRIGGER on table s.agreement", "GRANT TRIGGER ON s.agreement TO asker"),
    ]
    for lacking, grant in steps:
        said = faults(asker)
        assert f"asker lacks {lacking}; as its owner: {grant}" in said
        for wrong in ("which is none", "did you mean", "correct the SQL", "permission denied"):
            assert wrong not in said
        with database.connect(autocommit=True) as dba:
            dba.execute(grant.encode())

    assert faults(asker) == ""
