-- Who asked for a replay of what came of these events, newest first.
SELECT r.event_id, r.connector_id, r.connector, r.verdict, r.asked_at, r.asked_by
FROM outbox_audit.replays AS r
JOIN outbox.event AS e ON e.id = r.event_id
WHERE r.event_id = ANY (CAST(:event_ids AS bigint[]))
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
ORDER BY r.asked_at DESC
LIMIT CAST(:most AS integer)
