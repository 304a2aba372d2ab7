-- What waits for a connector and what came of its attempts of the last hour: as the view for people has it.
SELECT h.waiting, h.oldest_waits_since, h.attempts_last_hour, h.ok_last_hour, h.dead_last_hour, h.answer_p50_ms, h.answer_p95_ms
FROM outbox_audit.connector_health AS h
WHERE h.connector_id = :connector_id
