-- Erases a contract's content, in one transaction, and tells what was taken, as it now stands on record.
SELECT e.events, e.deliveries, e.attempts, e.notes, e.cancelled, e.capture_errors, e.unclear_errors
FROM outbox.erase(CAST(:contract AS text), CAST(:by AS text), CAST(:reason AS text)) AS e
