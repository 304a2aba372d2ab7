-- The newest attempts of one delivery, the newest first, without what was sent or answered.
SELECT t.number, t.late, t.kind, t.started_at, t.duration_ms, CAST(t.timings AS text) AS timings, t.outcome, t.status_code,
       t.error_code, t.error, t.url, t.worker, t.settled, t.connector_version
FROM outbox.attempt t
WHERE t.event_id = :event_id AND t.connector_id = :connector_id
ORDER BY t.number DESC, t.late DESC
LIMIT CAST(:most AS integer)
