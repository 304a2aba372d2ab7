-- Leases due deliveries of the connectors that have room, each up to its own number, under a new token.
-- MATERIALIZED fences the LIMITs (else a nested loop may claim more); LATERAL looks at wanted connectors only; a row
-- whose lease ran out is simply due, and leaves its attempt `lost`; `low` skips what a held snapshot keeps dead.
WITH want AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:connector_ids AS integer[]), CAST(:takes AS integer[]),
                       CAST(:lease_seconds AS double precision[]), CAST(:lows AS timestamptz[]))
    AS w (connector_id, take, lease_seconds, low)
), pick AS MATERIALIZED (
  SELECT due.*, w.lease_seconds
  FROM want w
  CROSS JOIN LATERAL (
    SELECT q.connector_id, q.event_id, q.attempts, q.kind, q.lease_token, q.lease_worker, q.leased_at
    FROM outbox.queue q
    WHERE q.connector_id = w.connector_id AND q.ready AND q.due_at >= w.low AND q.due_at <= now()
    ORDER BY q.due_at, q.position
    LIMIT w.take
    FOR UPDATE SKIP LOCKED) AS due
  LIMIT :most
), lost AS (
  INSERT INTO outbox.attempt (event_id, connector_id, number, kind, started_at, outcome, error_code, error, worker)
  SELECT event_id, connector_id, attempts, kind, leased_at, 'lost', 'lease_ran_out',
         'the worker did not come back before its lease ran out', lease_worker
  FROM pick WHERE lease_token IS NOT NULL
  ON CONFLICT DO NOTHING
), leased AS (
  UPDATE outbox.queue q
  SET due_at = clock_timestamp() + make_interval(secs => p.lease_seconds), attempts = q.attempts + 1,
      tries = q.tries + 1, lease_token = :token, lease_worker = :worker, leased_at = clock_timestamp()
  FROM pick p
  WHERE q.connector_id = p.connector_id AND q.event_id = p.event_id
  RETURNING q.event_id, q.connector_id, q.contract_id, q.attempts, q.tries, q.kind, p.lease_token IS NOT NULL AS lost
)
SELECT l.lost, l.event_id, l.connector_id, l.contract_id, d.trigger, l.attempts AS attempt, l.tries, l.kind, d.body,
       d.content_type, clock_timestamp() AS now, now() AS transaction_start
FROM leased l
JOIN outbox.delivery d ON d.event_id = l.event_id AND d.connector_id = l.connector_id
