-- Changes that could not be captured and wait, by rule, of the newest 10,000: a look costs the same however many wait.
SELECT e.rule, count(*) AS waiting, (array_agg(e.sqlstate ORDER BY e.id DESC))[1] AS sqlstate
FROM (
  SELECT e.id, e.rule, e.sqlstate
  FROM outbox.capture_error e
  WHERE e.recaptured_at IS NULL
  ORDER BY e.id DESC
  LIMIT 10000) AS e
GROUP BY e.rule
ORDER BY e.rule
