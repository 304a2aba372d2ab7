-- Changes of a contract that could not be captured, newest first. They belong to no business unit: nobody knows to which.
SELECT f.capture_error_id, f.occurred_at, f.rule, f.table_name, f.operation, f.sqlstate, f.message, f.recaptured_at,
       f.event_ids
FROM outbox_audit.capture_errors AS f
WHERE f.contract_id = CAST(:contract AS text) AND CAST(:within AS text[]) IS NULL
ORDER BY f.capture_error_id DESC
LIMIT CAST(:most AS integer)
