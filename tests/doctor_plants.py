"""What can be wrong with an installation, each as SQL that makes it so, and what the doctor is to say of it."""

# ruff: noqa: S608 (versions and seconds of our own, in SQL of our own)

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from pydantic import SecretStr

from outbox.doctor import Level
from outbox.migrations import migrations
from outbox.settings import Database as DatabaseSettings
from outbox.settings import Secrets, Sender
from tests.factories import insert_attempt, insert_connector, insert_delivery, insert_event, insert_open

NEWEST = migrations()[-1].number


@dataclass(frozen=True)
class Plant:
    """SQL that makes one thing wrong, or a function that does, and what is to be said of it."""

    name: str
    level: Level
    words: str
    mend: str
    sql: tuple[str, ...] = ()
    work: Callable[["psycopg.Connection[Any]"], object] | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def held(seconds: int = 3600) -> str:
    """The connector's receiver has failed for so long."""
    return (
        "INSERT INTO outbox.health (connector_id, failures, held_at, held_reason, probe_at)"
        f" SELECT id, 10, now() - interval '{seconds} s', '10 attempts in a row failed', now() FROM outbox.connector"
    )


def dead(connection: "psycopg.Connection[Any]") -> None:
    """A delivery that went dead just now."""
    event = insert_event(connection)
    insert_delivery(connection, event, 1)
    insert_attempt(connection, event, 1, outcome="timeout", settled="dead")


def removed(connection: "psycopg.Connection[Any]") -> None:
    """A queue row of a connector that is removed."""
    insert_open(connection, insert_connector(connection, "gone", business_units=["1"], removed_at="now"), due_in=0)


def waiting(**values: Any) -> Callable[["psycopg.Connection[Any]"], object]:
    """A queued delivery of the connector."""
    return lambda connection: insert_open(connection, 1, **values)


GRANTS = (
    "GRANT USAGE ON SCHEMA outbox, outbox_audit, public TO clerk",
    "GRANT ALL ON ALL TABLES IN SCHEMA outbox, outbox_audit TO clerk",
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA outbox TO clerk",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA outbox TO clerk",
    "GRANT pg_read_all_stats TO clerk",
)
READS = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk"
OWNED = "ALTER FUNCTION outbox.find_contracts(text[]) OWNER TO clerk"
QUIET = "SET LOCAL session_replication_role = replica"
FAULT, WARNING = Level.FAULT, Level.WARNING
REINSTALL = "`outbox install` again"
GROWN = "UPDATE pg_class SET reltuples = 50000 WHERE oid = 'public.contract'::regclass"
NO_KEY = "ALTER TABLE contract DROP CONSTRAINT contract_pkey CASCADE"
SAMPLE = (
    "INSERT INTO outbox.growth VALUES (now(), 20e9, 50e9), (now() - interval '1 day', 12e9, 40e9),"
    " (now() - interval '8 days', 11e9, 38e9)"
)

PLANTS = {
    "right to run": Plant(
        "rights",
        FAULT,
        "clerk has not the right to DELETE on table outbox.queue, to run",
        "GRANT DELETE ON TABLE outbox.queue TO clerk",
        sql=(*GRANTS, READS, "REVOKE DELETE ON outbox.queue FROM clerk", "SET LOCAL ROLE clerk"),
    ),
    "right to run a function": Plant(
        "rights",
        FAULT,
        "EXECUTE on function outbox.make_ahead(",
        "GRANT EXECUTE ON FUNCTION outbox.make_ahead(",
        sql=(*GRANTS, "REVOKE ALL ON FUNCTION outbox.make_ahead FROM clerk", "SET LOCAL ROLE clerk"),
    ),
    "old schema": Plant(
        "schema",
        FAULT,
        f"expected schema version {NEWEST}",
        "run `outbox migrate`",
        sql=(f"DELETE FROM outbox.migration WHERE number = {NEWEST}",),
    ),
    "newer schema": Plant(
        "schema",
        FAULT,
        "a newer contract-outbox was here",
        "upgrade the one that is installed",
        sql=("INSERT INTO outbox.migration (number, name, sha256, oldest) VALUES (9999, 'later', 'x', 9999)",),
    ),
    "changed migration": Plant(
        "schema",
        FAULT,
        "got different files for 4",
        "reinstall the version",
        sql=("UPDATE outbox.migration SET sha256 = 'x' WHERE number = 4",),
    ),
    "few connections": Plant(
        "connections",
        WARNING,
        "1 worker may open 105",
        "raise max_connections",
        settings={"database": DatabaseSettings(pool_size=100)},
    ),
    "behind pgbouncer": Plant(
        "session",
        WARNING,
        "nothing ends the transaction of a host that was cut off",
        "SET idle_in_transaction_session_timeout = '15s'",
        settings={"database": DatabaseSettings(pgbouncer=True)},
    ),
    "clock of a daemon": Plant(
        "clock",
        FAULT,
        "the clock of host host is 10m ahead of",
        "NTP",
        sql=("UPDATE outbox.worker SET clock_ahead = 600",),
    ),
    "clock put back": Plant(
        "clock",
        WARNING,
        "the database's clock was put back",
        "all goes on when it catches up",
        sql=("UPDATE outbox.worker SET seen_at = now() + interval '1 hour'",),
    ),
    "nothing installed": Plant(
        "source", FAULT, "nothing is captured", "`outbox install`", sql=("UPDATE outbox.source SET removed_at = now()",)
    ),
    "trigger off": Plant(
        "capture", FAULT, "is disabled", REINSTALL, sql=("ALTER TABLE contract_email DISABLE TRIGGER USER",)
    ),
    "trigger for replicas": Plant(
        "capture",
        FAULT,
        "is enabled in another way",
        REINSTALL,
        sql=("ALTER TABLE outbox.inbox ENABLE REPLICA TRIGGER outbox_capture",),
    ),
    "trigger gone": Plant(
        "capture",
        FAULT,
        "is gone: what it captured is missed",
        REINSTALL,
        sql=("DROP TRIGGER outbox_capture ON outbox.inbox",),
    ),
    "function changed": Plant(
        "capture",
        FAULT,
        "function outbox.find_contracts is not as it was installed",
        REINSTALL,
        sql=("ALTER FUNCTION outbox.find_contracts(text[]) COST 7",),
    ),
    "table renamed": Plant(
        "capture",
        FAULT,
        "table public.contract_email is now public.mail",
        "mend source.toml",
        sql=("ALTER TABLE contract_email RENAME TO mail",),
    ),
    "new column": Plant(
        "capture",
        WARNING,
        'column "discount" of public.contract came after install',
        REINSTALL,
        sql=("ALTER TABLE contract ADD COLUMN discount numeric",),
    ),
    "column gone": Plant(
        "capture",
        FAULT,
        'contract.query: expected a query that PostgreSQL can run, got: column "amount" does not exist',
        "`outbox recapture`",
        sql=("ALTER TABLE contract DROP COLUMN amount",),
    ),
    "capture may not read": Plant(
        "capture rights",
        FAULT,
        "capture can't read: clerk lacks SELECT on table public.contract",
        "GRANT SELECT ON public.contract TO clerk",
        sql=(*GRANTS, OWNED),
    ),
    "row security": Plant(
        "capture rights",
        FAULT,
        "row-level security",
        "BYPASSRLS",
        sql=(*GRANTS, READS, OWNED, "ALTER TABLE contract ENABLE ROW LEVEL SECURITY"),
    ),
    "capture may not write": Plant(
        "capture rights",
        FAULT,
        "INSERT on table outbox.capture_error, to capture",
        "GRANT INSERT ON TABLE outbox.capture_error TO clerk",
        sql=(*GRANTS, READS, OWNED, "REVOKE INSERT ON outbox.capture_error FROM clerk"),
    ),
    "open schema": Plant(
        "capture rights",
        WARNING,
        "everybody may create objects in schema public",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        sql=("GRANT CREATE ON SCHEMA public TO PUBLIC",),
    ),
    "replica by role": Plant(
        "replication",
        FAULT,
        "session_replication_role is replica for role clerk",
        "ALTER ROLE clerk RESET session_replication_role",
        sql=("ALTER ROLE clerk SET session_replication_role = replica",),
    ),
    "subscription": Plant(
        "replication",
        WARNING,
        "subscription feed writes into this database",
        'enable = "always"',
        sql=(
            "CREATE SUBSCRIPTION feed CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = 'feed')",
            "ALTER SUBSCRIPTION feed ENABLE",
        ),
    ),
    "grown without an index": Plant(
        "lookups",
        WARNING,
        "contract.query reads all of public.contract",
        "CREATE INDEX CONCURRENTLY",
        sql=(NO_KEY, GROWN),
    ),
    "two rows for a contract": Plant(
        "contracts",
        FAULT,
        "contract.query gives 2 rows for contract k1",
        "join with LIMIT 1",
        sql=(
            NO_KEY,
            QUIET,
            "INSERT INTO contract (id) VALUES ('k1'), ('k1')",
            "SET LOCAL session_replication_role = origin",
        ),
        work=insert_event,
    ),
    "capture error": Plant(
        "capture errors",
        FAULT,
        "1 change not captured by rule 'create contract', latest: planted",
        "`outbox recapture`",
        sql=(
            "INSERT INTO outbox.capture_error (rule, sqlstate, message) VALUES ('create contract', '42703', 'planted')",
        ),
    ),
    "unrouted": Plant(
        "routing",
        FAULT,
        "1 event waits for routing, the oldest for 1h",
        "start `outbox run`",
        sql=(
            "INSERT INTO outbox.inbox (trigger, contract_id, occurred_at) VALUES ('send', 'k', now() - interval '1h')",
        ),
    ),
    "overdue": Plant(
        "overdue", FAULT, "1 delivery to crm is overdue", "start `outbox run`", work=waiting(due_in=-3600)
    ),
    "stuck lease": Plant(
        "overdue",
        WARNING,
        "1 with a lease that ran out",
        "start `outbox run`",
        work=waiting(due_in=-120, leased="host:9"),
    ),
    "endless lease": Plant(
        "leases",
        WARNING,
        "1 lease of crm ends only in",
        "WHERE lease_token IS NOT NULL",
        work=waiting(due_in=7200, leased="h:1"),
    ),
    "headless lane": Plant("lanes", WARNING, "1 lane has no head", "within a minute", work=waiting(ready=False)),
    "orphan": Plant("orphans", WARNING, "1 delivery waits for gone, which is removed", "backfill", work=removed),
    "dead letter": Plant(
        "dead letters", WARNING, "1 delivery to crm went dead", "`outbox replay --connector crm", work=dead
    ),
    "held": Plant("connectors", WARNING, "crm has been held for 1h", "it is probed", sql=(held(),)),
    "answered 410": Plant(
        "connectors",
        WARNING,
        "crm has been disabled for 3d: 410",
        "`outbox connectors enable crm`",
        sql=(
            "UPDATE outbox.connector SET enabled = false, disabled_at = now() - interval '3d', disabled_reason = '410'",
            "INSERT INTO outbox.connector_version VALUES (1, 2, 'disable', '{}', now(), 'w1', 'relay')",
        ),
    ),
    "no connector": Plant(
        "connectors",
        WARNING,
        "nothing is sent",
        "`outbox connectors apply`",
        sql=("UPDATE outbox.connector SET removed_at = now()",),
    ),
    "vanished business unit": Plant(
        "business units",
        WARNING,
        "crm names business unit 9",
        "`outbox connectors edit crm --business-unit",
        sql=("UPDATE outbox.connector SET business_units = '{1,9}'",),
    ),
    "unopened secret": Plant(
        "secrets",
        FAULT,
        "crm: ",
        "OUTBOX_SECRET_KEYS",
        settings={"secrets": Secrets(keys=SecretStr(Fernet.generate_key().decode()))},
    ),
    "no daemon": Plant(
        "workers",
        FAULT,
        "no daemon is alive",
        "start `outbox run`",
        sql=("UPDATE outbox.worker SET stopped_at = now()",),
    ),
    "vanished daemon": Plant(
        "workers",
        WARNING,
        "far:1 has given no sign for 1h",
        "see on host far",
        sql=(
            "INSERT INTO outbox.worker (name, host, pid, version, transport) VALUES ('far:1', 'far', 1, '0', 'curl')",
            "UPDATE outbox.worker SET started_at = '-infinity', seen_at = now() - interval '1 h' WHERE host = 'far'",
        ),
    ),
    "another version": Plant(
        "versions",
        WARNING,
        "host:1 runs version 0.0.1",
        "restart `outbox run`",
        sql=("UPDATE outbox.worker SET version = '0.0.1'",),
    ),
    "missing file": Plant(
        "files",
        FAULT,
        "sender.proxy_file names /nowhere/proxy, which can't be read here",
        "correct the path",
        settings={"sender": Sender(proxy_file=Path("/nowhere/proxy"))},
    ),
    "no range ahead": Plant(
        "partitions",
        WARNING,
        "more events in the ranges made",
        "SELECT outbox.make_partition(5000000, 10000000)",
        sql=tuple(f"ALTER TABLE outbox.event DETACH PARTITION outbox.event_{n}000000" for n in (5, 10, 15)),
    ),
    "stray": Plant(
        "partitions",
        WARNING,
        "a default partition holds rows: outbox.event_default",
        "make the range",
        work=lambda connection: insert_event(connection, id=99_000_000),
    ),
    "broken index": Plant(
        "indexes",
        FAULT,
        "index outbox.queue_lane of outbox.queue is not valid",
        "REINDEX INDEX CONCURRENTLY outbox.queue_lane",
        sql=("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'outbox.queue_lane'::regclass",),
    ),
    "autovacuum off": Plant(
        "vacuum",
        WARNING,
        "autovacuum is switched off for outbox.queue",
        "RESET (autovacuum_enabled)",
        sql=("ALTER TABLE outbox.queue SET (autovacuum_enabled = false)",),
    ),
    "sudden growth": Plant("growth", WARNING, "grew by 7.5 GiB in the last day", "--since 24h", sql=(SAMPLE,)),
}
