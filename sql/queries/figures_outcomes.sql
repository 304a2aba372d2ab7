-- What became of deliveries, by connector, business unit and the hour or day in which they were routed: by the figures of
-- counted stretches, each part of the time from one length alone.
SELECT f.connector_id, f.business_unit, date_trunc(:column, f.routed, 'UTC') AS at, sum(f.delivered) AS delivered,
       sum(f.retried) AS retried, sum(f.dead) AS dead, sum(f.cancelled) AS cancelled
FROM unnest(CAST(:lengths AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
  AS s (minutes, since, until)
JOIN outbox.figure AS f ON f.minutes = s.minutes AND f.since >= s.since AND f.since < s.until
WHERE f.routed >= :since
  AND (CAST(:within AS text[]) IS NULL OR f.business_unit = ANY (CAST(:within AS text[])))
GROUP BY 1, 2, 3
