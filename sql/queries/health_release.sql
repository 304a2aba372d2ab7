-- A hold is over: what waits only for the retry of a failure that belongs to it is due at once, no earlier than now
-- (claims rely on it). LATERAL looks at what is due later alone, by index (hence now() beside the volatile clock).
-- SKIP LOCKED: whoever has a row locked moves it himself, and this waits for nobody under lane locks.
WITH ended AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:connector_ids AS integer[]), CAST(:since AS timestamptz[])) AS e (connector_id, since)
), waiting AS MATERIALIZED (
  SELECT later.connector_id, later.event_id
  FROM ended e
  CROSS JOIN LATERAL (
    SELECT q.connector_id, q.event_id
    FROM outbox.queue q
    WHERE q.connector_id = e.connector_id AND q.ready AND q.due_at > now() AND q.due_at > clock_timestamp()
      AND q.lease_token IS NULL
      AND EXISTS (SELECT FROM outbox.attempt a
                  WHERE a.event_id = q.event_id AND a.connector_id = q.connector_id AND a.number = q.attempts
                    AND NOT a.late AND a.started_at >= e.since)
    ORDER BY q.due_at, q.position
    FOR UPDATE OF q SKIP LOCKED) AS later
)
UPDATE outbox.queue q
SET due_at = clock_timestamp()
FROM waiting w
WHERE q.connector_id = w.connector_id AND q.event_id = w.event_id
