-- Raises what is due, oldest first, with the rights of the outbox's owner: who runs the scan writes no history himself.
SELECT r.found, r.raised, r.first_event, r.last_event, r.floor
FROM outbox.raise_due(CAST(:after AS timestamptz), CAST(:until AS timestamptz), CAST(:most AS integer)) AS r
