-- A person wants a held connector tried now: its next probe may go at once, and the pauses begin anew. While a probe is out
-- its place is kept, or two would go at the same time.
UPDATE outbox.health AS h
SET probe_at = clock_timestamp(), probes = 0
WHERE h.connector_id = :connector_id AND h.held_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM outbox.queue AS q
                  WHERE q.connector_id = h.connector_id AND q.ready AND q.due_at > now() AND q.lease_token IS NOT NULL)
