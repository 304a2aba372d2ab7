-- What attempts came to by the time at which they began, for each stretch that is counted; from the facts, by five
-- minutes, what isn't counted yet.
SELECT f.since, sum(f.attempts) AS attempts, sum(f.ok) AS ok, sum(f.delivered) AS delivered, sum(f.dead) AS dead
FROM (
  SELECT f.since, f.business_unit, f.attempts, f.ok, f.delivered, f.dead
  FROM unnest(CAST(:lengths AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
    AS s (minutes, since, until)
  JOIN outbox.figure AS f ON f.minutes = s.minutes AND f.since >= s.since AND f.since < s.until
  UNION ALL
  SELECT date_bin('5 minutes', t.started_at, 'epoch'), t.business_unit, CAST(t.tried AS integer),
         CAST(t.tried AND t.ok AS integer), CAST(coalesce(t.becomes = 'delivered', false) AS integer),
         CAST(coalesce(t.becomes = 'dead', false) AS integer) - CAST(coalesce(t.was = 'dead', false) AS integer)
  FROM outbox.figured_attempt AS t
  WHERE t.started_at >= :uncounted) AS f
WHERE CAST(:within AS text[]) IS NULL OR f.business_unit = ANY (CAST(:within AS text[]))
GROUP BY f.since
ORDER BY f.since
