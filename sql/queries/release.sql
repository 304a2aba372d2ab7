-- Hands back what was leased and not sent: the attempt is not counted, and it is due at once.
UPDATE outbox.queue q
SET lease_token = NULL, lease_worker = NULL, leased_at = NULL, attempts = q.attempts - 1, tries = q.tries - 1,
    due_at = clock_timestamp()
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[]), CAST(:tokens AS bigint[]))
  AS r (event_id, connector_id, token)
WHERE q.connector_id = r.connector_id AND q.event_id = r.event_id AND q.lease_token = r.token
