-- Who asked for a replay of these deliveries, and when.
SELECT r.event_id, r.connector_id, r.verdict, r.asked_at, r.asked_by
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS asked (event_id, connector_id)
JOIN outbox_audit.replays r ON r.event_id = asked.event_id AND r.connector_id = asked.connector_id
ORDER BY r.asked_at
