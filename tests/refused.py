"""What each login must not do, and whether the server refuses it."""

from collections.abc import Iterator

import psycopg

from tests.logins import Logins

FACTS = ("event", "decision", "delivery", "attempt", "replay", "connector_version", "erasure")
HISTORY = [*FACTS, "event_0", "delivery_default"]
"""Facts, and partitions for which nobody is granted anything."""

REFUSED = {
    "worker": """
        UPDATE outbox.event SET document = NULL
        UPDATE outbox.event_0 SET document = NULL
        UPDATE outbox.decision SET reason = 'deliver'
        UPDATE outbox.delivery SET body = NULL
        UPDATE outbox.attempt SET error = NULL
        UPDATE outbox.replay SET asked_by = 'nobody'
        UPDATE outbox.connector_version SET spec = '{}'
        UPDATE outbox.erasure SET reason = 'none'
        DELETE FROM outbox.FACT
        TRUNCATE outbox.FACT
        TRUNCATE outbox.queue
        TRUNCATE outbox.inbox
        SELECT set_config('outbox.rewrite', pg_current_xact_id()::text, true); DELETE FROM outbox.attempt
        INSERT INTO outbox.event (id, trigger, contract_id) VALUES (1, 'create', 'k1')
        INSERT INTO outbox.inbox (trigger, contract_id) VALUES ('create', 'k1')
        INSERT INTO outbox.erasure (contract_id) VALUES ('k1')
        SELECT FROM outbox.event_0
        SELECT FROM outbox.rule
        UPDATE outbox.capture_error SET recaptured_at = now()
        UPDATE outbox.source SET removed_at = now()
        UPDATE outbox.migration SET sha256 = ''
        UPDATE outbox.retention SET keep_at_least = '1 day'
        INSERT INTO outbox.retention DEFAULT VALUES
        DELETE FROM outbox.connector
        UPDATE outbox.connector_day SET attempts = 0
        DELETE FROM outbox.connector_day
        UPDATE outbox.growth SET outbox_bytes = 0
        SELECT outbox.erase('1', 'me', 'none')
        SELECT outbox.content_of('1')
        SELECT outbox.recapture(0, 1)
        SELECT outbox.make_partition(100000000, 105000000)
        SELECT outbox.note('rule', 'record', 'create', ARRAY['1'], NULL, NULL)
        SELECT outbox.write_events('{}')
        SELECT outbox.cancel_lanes('1', 'me', 'none')
        SELECT outbox.grant_installed()
        SELECT FROM public.contract
        CREATE TABLE outbox.mine ()
        CREATE TABLE outbox_audit.mine ()
        CREATE FUNCTION outbox.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'
        CREATE OR REPLACE VIEW outbox_audit.erasures AS SELECT 1 AS erasure_id
        ALTER TABLE outbox.attempt DISABLE TRIGGER append_only
        DROP TRIGGER append_only ON outbox.attempt
        DROP TABLE outbox.event_0
        DROP FUNCTION outbox.erase(text, text, text)
        ALTER TABLE outbox.event DETACH PARTITION outbox.event_0
        DROP SCHEMA outbox CASCADE
        SET ROLE outbox_owner
        SET session_replication_role = replica""",
    "auditor": """
        SELECT FROM outbox.FACT
        SELECT FROM outbox.connector
        SELECT FROM outbox.queue
        SELECT FROM outbox.capture_error
        UPDATE outbox_audit.erasures SET reason = 'none'
        DELETE FROM outbox_audit.erasures
        INSERT INTO outbox_audit.erasures (contract_id) VALUES ('k1')
        SELECT outbox.erase('1', 'me', 'none')
        SELECT outbox.content_of('1')
        SELECT outbox.find_contracts('{1}')
        SELECT nextval('outbox.event_id')
        CREATE TABLE outbox_audit.mine ()
        DROP VIEW outbox_audit.events
        SELECT FROM public.contract
        SET ROLE outbox_owner
        SET ROLE outbox_relay""",
    "eraser": """
        SELECT FROM outbox.FACT
        DELETE FROM outbox.FACT
        SELECT FROM outbox.connector
        DELETE FROM outbox.queue
        DELETE FROM outbox.inbox
        DELETE FROM outbox.capture_error
        SELECT FROM outbox_audit.events
        SELECT outbox_audit.uncovered_contracts()
        UPDATE outbox.event SET document = NULL
        SELECT set_config('outbox.rewrite', pg_current_xact_id()::text, true); UPDATE outbox.event SET document = NULL
        SELECT outbox.cancel_lanes('1', 'me', 'none')
        SELECT outbox.erase_errors('1')
        SELECT outbox.erase_words('1', '{a}')
        SELECT outbox.errors_of('1')
        SELECT outbox.recapture(0, 1)
        SELECT outbox.find_contracts('{1}')
        SELECT FROM public.contract
        CREATE TABLE outbox.mine ()
        DROP TABLE outbox.erasure
        SET ROLE outbox_owner""",
    "application": """
        SELECT FROM outbox.event
        SELECT FROM outbox_audit.events
        SELECT outbox_audit.uncovered_contracts()
        INSERT INTO outbox.inbox (trigger, contract_id) VALUES ('create', 'k1')
        SELECT outbox.erase('1', 'me', 'none')
        SELECT outbox.find_contracts('{1}')""",
}
"""What each login must not do, a statement a line; FACT stands for each table of HISTORY."""


def refused(login: str) -> Iterator[str]:
    """The statements."""
    for line in REFUSED[login].strip().splitlines():
        yield from (line.strip().replace("FACT", name) for name in (HISTORY if "FACT" in line else [""]))


def done_by(made: Logins, login: str) -> list[str]:
    """Those of the statements that the server did not refuse for want of the right; all are undone."""
    done: list[str] = []
    with made.connect(login) as session:
        for statement in refused(login):
            try:
                with session.transaction(force_rollback=True):
                    session.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            done.append(statement)
    return done
