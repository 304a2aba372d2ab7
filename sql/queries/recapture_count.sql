-- How many recorded failures still wait, by rule.
SELECT e.rule, count(*) AS waiting, max(e.message) AS example
FROM outbox.capture_error AS e
WHERE e.recaptured_at IS NULL
GROUP BY e.rule
ORDER BY e.rule
