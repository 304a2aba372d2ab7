-- Makes waiting deliveries due now; what is leased, or due already, stays (moving it would only put it behind others).
-- What becomes claimable is due no earlier than now: claims rely on it. Rows are locked in key order.
WITH waiting AS MATERIALIZED (
  SELECT q.connector_id, q.event_id
  FROM outbox.queue q
  JOIN (SELECT DISTINCT event_id, connector_id
        FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS w (event_id, connector_id)) AS k
    ON k.connector_id = q.connector_id AND k.event_id = q.event_id
  WHERE q.lease_token IS NULL AND q.ready AND q.due_at > clock_timestamp()
  ORDER BY q.connector_id, q.event_id
  FOR UPDATE OF q
)
UPDATE outbox.queue q
SET due_at = clock_timestamp()
FROM waiting w
WHERE q.connector_id = w.connector_id AND q.event_id = w.event_id
RETURNING q.event_id, q.connector_id
