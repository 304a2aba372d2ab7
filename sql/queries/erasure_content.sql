-- How much of a contract's content is kept, and nothing of it.
SELECT c.events, c.deliveries, c.attempts, c.notes, c.waiting, c.capture_errors, c.unclear_errors
FROM outbox.content_of(CAST(:contract AS text)) AS c
