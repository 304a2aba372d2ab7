-- The present install is no more; what it was stays on record.
UPDATE outbox.source SET removed_at = clock_timestamp() WHERE removed_at IS NULL
