-- What waits: counts the inbox and what could not be captured. They read all that waits, so they are asked rarely.
SELECT (SELECT count(*) FROM outbox.inbox) AS unrouted,
       (SELECT count(*) FROM outbox.capture_error e WHERE e.recaptured_at IS NULL) AS capture_errors
