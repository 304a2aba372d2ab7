-- Notes and events as so many transactions left them, each by its own transaction after the one before; several for
-- each contract. Under session_replication_role = replica: the events are written here, and not captured again.
WITH contract AS MATERIALIZED (
  SELECT f.contract_id, f.business_unit, f.status, f.document
  FROM outbox.find_contracts(ARRAY(SELECT CAST(n AS text) FROM generate_series(1, %(contracts)s) AS n)) AS f
), noted AS (
  INSERT INTO outbox.inbox (event_id, trigger, contract_id, changed)
  SELECT nextval('outbox.event_id'), 'update', CAST(1 + (n - 1) %% %(contracts)s AS text),
         jsonb_build_object('amount', jsonb_build_array(n, n + 1))
  FROM generate_series(1, %(events)s) AS n
  RETURNING event_id, occurred_at, trigger, contract_id, changed
)
INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, changed, document)
SELECT o.event_id, o.occurred_at, CAST(CAST(1000 + o.event_id AS text) AS xid8),
       CAST(format('%%1$s:%%1$s:', 1000 + o.event_id) AS pg_snapshot), o.trigger, o.contract_id, c.business_unit, c.status,
       o.changed, c.document
FROM noted o JOIN contract c USING (contract_id)
ORDER BY o.event_id
