"""The walk on every PostgreSQL there is: the embedded 16 and 18, and the machine's own servers from 15 on."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine

from outbox.embedded import binaries
from outbox.install import uninstall
from outbox.migrations import check_schema, migrate
from tests.contract_application import install_application
from tests.postgres import Server, system_versions
from tests.program import program
from tests.receiver import receiver
from tests.schema_snapshot import SNAPSHOT, dump

EMBEDDED = (16, 18)
SERVERS = {f"embedded {version}": (version, binaries(version)) for version in EMBEDDED} | {
    f"system {version}": (version, folder) for version, folder in system_versions().items()
}
CONNECTORS = """
[[connector]]
name = "crm"
business_units = ["Provider BU"]
triggers = ["create", "update", "send"]
url = "{url}/crm"
company_fields = ["vat"]
"""
LIFE = (
    "INSERT INTO contract (id, business_unit_id, company_id, title) VALUES ('k1', 1, 7, 'First')",
    "UPDATE contract SET title = 'Second' WHERE id = 'k1'",
    "INSERT INTO contract_email (contract_id) VALUES ('k1')",
)


@pytest.fixture(params=SERVERS)
def versioned(request: pytest.FixtureRequest) -> Iterator[tuple[int, Server, Engine]]:
    """A server of each version, which version it is, and an engine on it."""
    version, folder = SERVERS[request.param]
    with Server(folder) as server:
        engine = create_engine(server.sqlalchemy_url())
        yield version, server, engine
        engine.dispose()


def test_the_walk_is_the_same_on_every_version(versioned: tuple[int, Server, Engine], tmp_path: Path) -> None:
    """Migrate, install, capture, route, send, record, uninstall: nothing depends on the server's version."""
    version, server, engine = versioned
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW server_version").scalar_one().startswith(f"{version}.")

    assert migrate(engine) != ()
    assert migrate(engine) == ()
    install_application(server, "test")
    with receiver() as crm, psycopg.connect(str(server.url()), autocommit=True) as application:
        (tmp_path / "connectors.toml").write_text(CONNECTORS.format(url=crm.url))
        outbox = program(tmp_path, server.sqlalchemy_url())
        outbox("connectors", "apply", "--yes")
        for statement in LIFE:
            application.execute(statement)
        outbox("run", "--once")
        recorded = application.execute(
            "SELECT d.trigger, d.state, a.status_code, a.request_body FROM outbox_audit.deliveries AS d"
            " JOIN outbox_audit.attempts AS a USING (event_id, connector) ORDER BY event_id"
        ).fetchall()

    assert [row[:3] for row in recorded] == [(name, "delivered", 200) for name in ("create", "update", "send")]
    assert [row[3] for row in recorded] == [got.body for got in crm.received]
    assert json.loads(crm.received[1].body)["changed"] == {"title": {"old": "First", "new": "Second"}}
    assert len(uninstall(engine)) > 0
    with engine.connect() as connection:
        check_schema(connection)


@pytest.mark.parametrize("version", [18])
def test_the_schema_is_the_same_on_every_version(version: int) -> None:
    """The snapshot, made with the oldest embedded version, is what the newest has too."""
    with Server(binaries(version)) as server:
        engine = create_engine(server.sqlalchemy_url())
        migrate(engine)
        engine.dispose()

        assert dump(server, "test", version=version) == SNAPSHOT.read_text(encoding="utf-8")
