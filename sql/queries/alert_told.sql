-- What came of sending one: taken, or why not. Nothing more is to tell once it was told that it is well again.
UPDATE outbox.alert
SET last_error = CAST(:error AS text),
    told = told + CASE WHEN CAST(:error AS text) IS NULL AND NOT :well THEN 1 ELSE 0 END,
    told_at = CASE WHEN CAST(:error AS text) IS NULL THEN clock_timestamp() ELSE told_at END,
    closed_at = CASE WHEN CAST(:error AS text) IS NULL AND :well THEN clock_timestamp() ELSE closed_at END
WHERE id = :id
