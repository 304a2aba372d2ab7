-- What could not be captured and waits for `outbox recapture`, by rule, each with its latest words.
SELECT e.rule, count(*) AS waiting, max(e.occurred_at) AS latest,
       (array_agg(e.message ORDER BY e.id DESC))[1] AS message
FROM outbox.capture_error e
WHERE e.recaptured_at IS NULL
GROUP BY e.rule
ORDER BY e.rule
