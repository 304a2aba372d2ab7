-- Deadlines that could not be raised and wait for `outbox recapture`, newest first. They belong to no business unit: the
-- contract could not be read.
SELECT f.id AS capture_error_id, f.occurred_at AS deadline, f.contract_id, f.sqlstate, f.message
FROM outbox.capture_error AS f
WHERE f.rule = 'expired' AND f.relation IS NULL AND f.recaptured_at IS NULL AND CAST(:within AS text[]) IS NULL
ORDER BY f.id DESC
LIMIT CAST(:most AS integer)
