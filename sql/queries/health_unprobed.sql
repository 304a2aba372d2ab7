-- Probes that were not sent: the next one may go at once.
UPDATE outbox.health SET probe_at = clock_timestamp()
WHERE connector_id = ANY (CAST(:connector_ids AS integer[])) AND held_at IS NOT NULL
