-- Cancels what waits for a connector, up to an event where one is given, as one attempt each, so that nothing ends without a
-- record.
-- A delivery that is leased has its number already: what its worker still settles stands beside it as `late`.
-- Under the lane locks of all of them. No lane needs promoting: all lanes of the connector go, be it in several batches.
WITH gone AS (
  DELETE FROM outbox.queue
  WHERE connector_id = :connector_id AND (CAST(:last AS bigint) IS NULL OR event_id <= CAST(:last AS bigint))
  RETURNING event_id, connector_id, kind, attempts, lease_token, leased_at
)
INSERT INTO outbox.attempt
  (event_id, connector_id, number, kind, connector_version, started_at, outcome, error_code, error, worker, settled)
SELECT gone.event_id, gone.connector_id, gone.attempts + CASE WHEN gone.lease_token IS NULL THEN 1 ELSE 0 END,
       gone.kind, CAST(:version AS integer), coalesce(gone.leased_at, clock_timestamp()), 'interrupted', 'cancelled',
       :error, :worker, 'cancelled'
FROM gone
