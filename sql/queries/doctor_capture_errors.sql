-- What could not be captured and waits for `outbox recapture`, by rule, each with its latest words; counted from the
-- newest on, up to a bound.
SELECT n.rule, n.waiting, e.message
FROM (SELECT o.rule, count(*) AS waiting, max(o.id) AS latest
      FROM (SELECT c.id, c.rule FROM outbox.capture_error c WHERE c.recaptured_at IS NULL
            ORDER BY c.id DESC LIMIT :most + 1) AS o
      GROUP BY o.rule) AS n
JOIN outbox.capture_error e ON e.id = n.latest
ORDER BY n.rule
