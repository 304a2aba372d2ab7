-- Cancels waiting deliveries, as one attempt each, so that nothing ends without a record. Under the lane locks of their
-- contracts; who calls it promotes those lanes. What is leased stays: its receiver may have it. Where a lease has run
-- out its number is taken already: what its worker still settles stands beside it as `late`. Rows are locked in key
-- order.
WITH waiting AS MATERIALIZED (
  SELECT q.connector_id, q.event_id
  FROM outbox.queue q
  JOIN (SELECT DISTINCT event_id, connector_id
        FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS w (event_id, connector_id)) AS k
    ON k.connector_id = q.connector_id AND k.event_id = q.event_id
  WHERE q.lease_token IS NULL OR q.due_at <= clock_timestamp()
  ORDER BY q.connector_id, q.event_id
  FOR UPDATE OF q
), gone AS (
  DELETE FROM outbox.queue q USING waiting w
  WHERE q.connector_id = w.connector_id AND q.event_id = w.event_id
  RETURNING q.event_id, q.connector_id, q.contract_id, q.kind, q.attempts, q.lease_token, q.leased_at
), kept AS (
  INSERT INTO outbox.attempt
    (event_id, connector_id, number, kind, connector_version, started_at, outcome, error_code, error, worker, settled)
  SELECT g.event_id, g.connector_id, g.attempts + CASE WHEN g.lease_token IS NULL THEN 1 ELSE 0 END, g.kind, c.version,
         coalesce(g.leased_at, clock_timestamp()), 'interrupted', 'cancelled', 'cancelled by ' || CAST(:asked_by AS text),
         CAST(:asked_by AS text), 'cancelled'
  FROM gone g
  JOIN outbox.connector c ON c.id = g.connector_id
)
SELECT g.event_id, g.connector_id, g.contract_id FROM gone g
