-- Who asked for a replay of one delivery, the newest ones.
SELECT r.verdict, r.asked_at, r.asked_by
FROM outbox.replay r
WHERE r.event_id = :event_id AND r.connector_id = :connector_id
ORDER BY r.asked_at DESC
LIMIT CAST(:most AS integer)
