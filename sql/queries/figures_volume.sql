-- What attempts came to by the time at which they began, for each stretch that is counted.
SELECT f.since, sum(f.attempts) AS attempts, sum(f.ok) AS ok, sum(f.delivered) AS delivered, sum(f.dead) AS dead
FROM unnest(CAST(:lengths AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
  AS s (minutes, since, until)
JOIN outbox.figure AS f ON f.minutes = s.minutes AND f.since >= s.since AND f.since < s.until
WHERE CAST(:within AS text[]) IS NULL OR f.business_unit = ANY (CAST(:within AS text[]))
GROUP BY f.since
ORDER BY f.since
