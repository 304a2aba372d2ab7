-- The last event before a moment. `expired` occurs at its deadline, which says nothing of its place among the ids.
SELECT e.id FROM outbox.event AS e
WHERE e.occurred_at < CAST(:until AS timestamptz) AND e.trigger <> 'expired'
ORDER BY e.occurred_at DESC, e.id DESC
LIMIT 1
