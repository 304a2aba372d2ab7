-- Gives back what a claim has just leased after it was lost twice running, spread over one lease: it may kill its worker
-- each time, and must take no other row's tries. The attempt is not counted; the losses stay on record.
WITH suspect AS MATERIALIZED (
  SELECT q.connector_id, q.event_id, row_number() OVER (ORDER BY random()) AS place, count(*) OVER () AS places
  FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS l (event_id, connector_id)
  JOIN outbox.queue q ON q.connector_id = l.connector_id AND q.event_id = l.event_id AND q.lease_token = :token
  WHERE EXISTS (
    SELECT FROM outbox.attempt a
    WHERE a.event_id = q.event_id AND a.connector_id = q.connector_id AND a.number = q.attempts - 2 AND NOT a.late
      AND a.outcome = 'lost')
)
UPDATE outbox.queue q
SET lease_token = NULL, lease_worker = NULL, leased_at = NULL, attempts = q.attempts - 1, tries = q.tries - 1,
    due_at = clock_timestamp() + (q.due_at - q.leased_at) * (CAST(s.place AS double precision) / s.places)
FROM suspect s
WHERE q.connector_id = s.connector_id AND q.event_id = s.event_id
RETURNING q.connector_id, q.event_id
