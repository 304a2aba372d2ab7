-- Until when figures of a length are counted, under a lock until they are counted on; when something to count comes next,
-- and the time now. Days are counted from hours, so they end where hours do.
SELECT c.until AS counted,
       CASE WHEN c.minutes = 1440
            THEN (SELECT min(f.since) FROM outbox.figure AS f WHERE f.minutes = 60 AND f.since >= c.until)
            ELSE (SELECT min(t.started_at) FROM outbox.attempt AS t WHERE t.started_at >= c.until) END AS next,
       CASE WHEN c.minutes = 1440 THEN (SELECT h.until FROM outbox.counted AS h WHERE h.minutes = 60) END AS until,
       clock_timestamp() AS now
FROM outbox.counted AS c
WHERE c.minutes = :minutes
FOR UPDATE OF c
