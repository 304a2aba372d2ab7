-- What became of deliveries, by connector, business unit and the hour or day in which they were routed: of counted
-- stretches their figures, each part of the time from one length alone, and from the facts what isn't counted yet.
WITH figure AS (
  SELECT f.connector_id, f.business_unit, f.routed, f.delivered, f.retried, f.dead, f.cancelled
  FROM unnest(CAST(:lengths AS integer[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))
    AS s (minutes, since, until)
  JOIN outbox.figure AS f ON f.minutes = s.minutes AND f.since >= s.since AND f.since < s.until
  UNION ALL
  SELECT t.connector_id, t.business_unit, t.routed, CAST(t.becomes = 'delivered' AS integer),
         CAST(t.becomes = 'delivered' AND t.again AS integer),
         CAST(t.becomes = 'dead' AS integer) - CAST(coalesce(t.was = 'dead', false) AS integer),
         CAST(t.becomes = 'cancelled' AS integer) - CAST(coalesce(t.was = 'cancelled', false) AS integer)
  FROM outbox.figured_attempt AS t
  WHERE t.started_at >= :uncounted AND t.becomes IS NOT NULL
)
SELECT f.connector_id, f.business_unit, date_trunc(:column, f.routed, 'UTC') AS at, sum(f.delivered) AS delivered,
       sum(f.retried) AS retried, sum(f.dead) AS dead, sum(f.cancelled) AS cancelled
FROM figure AS f
WHERE f.routed >= :since
  AND (CAST(:within AS text[]) IS NULL OR f.business_unit = ANY (CAST(:within AS text[])))
GROUP BY 1, 2, 3
