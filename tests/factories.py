"""Facts and work made by plain inserts: what a test doesn't say has a sane value. Each takes a psycopg connection."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from outbox.install import install
from outbox.mapping import Mapping
from tests.conftest import Database

Connection = psycopg.Connection[tuple[object, ...]]

ALLOW_REWRITE = "SELECT set_config('outbox.rewrite', pg_current_xact_id()::text, true)"
"""Without it in the same transaction history can't be changed, nor truncated."""


def _insert(connection: Connection, name: str, returning: str, values: dict[str, Any]) -> Any:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
        sql.Identifier("outbox", name),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
        sql.Identifier(returning),
    )
    row = connection.execute(statement, {key: _adapted(value) for key, value in values.items()}).fetchone()
    assert row is not None
    return row[0]


def _adapted(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


def connect(database: Database) -> Connection:
    """A connection whose every insert stands at once; the caller closes it."""
    return database.connect(autocommit=True)


def insert_connector(connection: Connection, name: str = "crm", **values: Any) -> int:
    """A connector of business unit bu1 for create and update; its id. With `held_reason` its receiver fails."""
    held_reason = values.pop("held_reason", None)
    sane = {"business_units": ["bu1"], "triggers": ["create", "update"], "url": f"https://{name}.example/hook"}
    connector_id = int(_insert(connection, "connector", "id", {"name": name, **sane, **values}))
    if held_reason is not None:
        hold(connection, connector_id, held_reason)
    return connector_id


def hold(connection: Connection, connector_id: int, reason: str = "10 attempts in a row failed", **values: Any) -> None:
    """Its receiver has failed ten times within the last minute, and may be probed at once."""
    row = connection.execute("SELECT clock_timestamp() - interval '1 minute'").fetchone()
    assert row is not None
    sane = {"failures": 10, "failing_since": row[0], "held_at": row[0], "held_reason": reason, "probe_at": row[0]}
    _insert(connection, "health", "connector_id", {"connector_id": connector_id, **sane, **values})


def disable_connector(connection: Connection, connector_id: int, reason: str = "by hand") -> None:
    """Switches it off, as a person does."""
    connection.execute(
        "UPDATE outbox.connector SET enabled = false, disabled_reason = %s, disabled_at = now() WHERE id = %s",
        (reason, connector_id),
    )


def insert_event(connection: Connection, contract_id: str = "k1", trigger: str = "update", **values: Any) -> int:
    """An event that has been noted and captured, and is no longer in the inbox; its id."""
    row = connection.execute("SELECT nextval('outbox.event_id'), now(), pg_current_xact_id()::text").fetchone()
    assert row is not None
    sane = {"id": row[0], "occurred_at": row[1], "xid": row[2], "snapshot": "1:1:", "business_unit": "bu1"}
    return int(_insert(connection, "event", "id", {**sane, "contract_id": contract_id, "trigger": trigger, **values}))


def insert_decision(connection: Connection, event_id: int, reason: str, **values: Any) -> None:
    """What was decided for an event, of a connector's version 1 where one is named."""
    version = {"connector_version": 1} if values.get("connector_id") is not None else {}
    _insert(connection, "decision", "event_id", {"event_id": event_id, "reason": reason, **version, **values})


def insert_delivery(connection: Connection, event_id: int, connector_id: int, **values: Any) -> None:
    """A delivery of the event, with a body; nothing queued."""
    row = connection.execute(
        "SELECT contract_id, trigger, business_unit FROM outbox.event WHERE id = %s", (event_id,)
    ).fetchone()
    contract_id, trigger, unit = row or ("k1", "update", "bu1")
    sane = {"contract_id": contract_id, "trigger": trigger, "business_unit": unit, "connector_version": 1}
    sane |= {"content_type": "application/json", "body": f'{{"id":{event_id}}}'.encode()}
    key = {"event_id": event_id, "connector_id": connector_id}
    _insert(connection, "delivery", "event_id", {**key, **sane, **values})


def insert_queued(connection: Connection, event_id: int, connector_id: int, **values: Any) -> None:
    """Its queue row: ready and due a minute ago. `due_in` (seconds) and `leased` (a worker's name) are short forms."""
    due_in, leased = values.pop("due_in", -60), values.pop("leased", None)
    row = connection.execute(
        "SELECT d.contract_id, clock_timestamp() + make_interval(secs => %s) FROM outbox.delivery d"
        " WHERE d.event_id = %s AND d.connector_id = %s",
        (due_in, event_id, connector_id),
    ).fetchone()
    assert row is not None
    sane: dict[str, Any] = {"contract_id": row[0], "due_at": row[1], "ready": True}
    if leased is not None:
        sane |= {"lease_token": 1, "lease_worker": leased, "leased_at": row[1]}
    key = {"event_id": event_id, "connector_id": connector_id}
    _insert(connection, "queue", "event_id", {**key, **sane, **values})


def insert_attempt(connection: Connection, event_id: int, connector_id: int, number: int = 1, **values: Any) -> None:
    """An attempt: HTTP 200 that settled it delivered, unless another outcome is named; then HTTP 500, unsettled."""
    ok = values.get("outcome", "ok") == "ok"
    sane = {"kind": "auto", "started_at": "now", "duration_ms": 12.5, "worker": "host:1", "connector_version": 1}
    sane |= {"url": "https://crm.example/hook", "outcome": "ok", "status_code": 200 if ok else 500}
    sane |= {"settled": "delivered" if ok else None, "late": values.get("outcome") == "late"}
    key = {"event_id": event_id, "connector_id": connector_id, "number": number}
    _insert(connection, "attempt", "event_id", {**key, **sane, **values})


def insert_note(connection: Connection, contract_id: str = "k1", trigger: str = "update", **values: Any) -> int:
    """A note and its event, as capture leaves them in one transaction; the event's id."""
    row = connection.execute(
        "INSERT INTO outbox.inbox (trigger, contract_id) VALUES (%s, %s)"
        " RETURNING event_id, occurred_at, pg_current_xact_id()::text, pg_current_snapshot()::text",
        (trigger, contract_id),
    ).fetchone()
    assert row is not None
    sane = {"id": row[0], "occurred_at": row[1], "xid": row[2], "snapshot": row[3], "business_unit": "bu1"}
    sane |= {"status": "draft", "document": {"title": "a title"}}
    return int(_insert(connection, "event", "id", {**sane, "contract_id": contract_id, "trigger": trigger, **values}))


def insert_open(connection: Connection, connector_id: int, contract_id: str = "k1", **values: Any) -> int:
    """A captured event with its delivery, queued (`values` as of insert_queued); the event's id."""
    event_id = insert_event(connection, contract_id)
    insert_delivery(connection, event_id, connector_id)
    insert_queued(connection, event_id, connector_id, **values)
    return event_id


def rewrite(connection: Connection, statement: str, parameters: Sequence[object] = ()) -> None:
    """Changes history, as nothing in the product may: a test arranges the past."""
    with connection.transaction():
        connection.execute(ALLOW_REWRITE.encode())
        connection.execute(statement.encode(), parameters)


def create_source(connection: Connection) -> None:
    """What installing a mapping makes of it for routing, over two small tables: contract and company."""
    connection.execute(
        """
        CREATE TABLE IF NOT EXISTS public.contract (id text PRIMARY KEY, unit text, status text, document jsonb);
        CREATE TABLE IF NOT EXISTS public.company (id text PRIMARY KEY, unit text, name text, fields jsonb);
        CREATE OR REPLACE FUNCTION outbox.read_contract(contract_id text)
        RETURNS TABLE (business_unit text, status text, document jsonb, snapshot pg_snapshot)
        LANGUAGE plpgsql STABLE AS $$ BEGIN
          RETURN QUERY SELECT c.unit, c.status, c.document, pg_current_snapshot()
                       FROM public.contract AS c WHERE c.id = read_contract.contract_id; END $$;
        CREATE OR REPLACE FUNCTION outbox.read_company(ids text[])
        RETURNS TABLE (id text, business_unit text, name text, fields jsonb)
        LANGUAGE plpgsql STABLE AS $$ BEGIN
          RETURN QUERY SELECT c.id, c.unit, c.name, c.fields FROM public.company AS c WHERE c.id = ANY (ids); END $$
        """
    )


def install_source(database: Database) -> None:
    """A contract application of two tables, and a mapping with one rule, installed."""
    with connect(database) as connection:
        connection.execute("CREATE TABLE public.contract (id integer PRIMARY KEY, unit text, status text)")
        connection.execute("CREATE TABLE public.unit (id text PRIMARY KEY, name text)")
    rule = {"trigger": "create", "table": "public.contract", "on": "insert", "contract": "new.id"}
    written = {
        "contract": {"query": "SELECT id AS contract_id, unit AS business_unit, status FROM public.contract"},
        "business_unit": {"query": "SELECT id AS business_unit, name FROM public.unit"},
        "capture": [rule],
    }
    install(database.engine, Mapping.model_validate(written))
