-- What came of a connector's attempts over a stretch of time, in sight: one row for each part of it, and one, whose `began_at`
-- is NULL, for all. The newest so many are read, by the index on time with the connector in it.
WITH tried AS MATERIALIZED (
  SELECT t.event_id, t.started_at, t.outcome, t.settled, t.duration_ms, t.status_code
  FROM outbox.attempt AS t
  WHERE t.started_at >= CAST(:since AS timestamptz) AND t.connector_id = :connector_id
    AND t.kind <> 'test' AND NOT t.late AND t.settled IS DISTINCT FROM 'cancelled'
    AND (CAST(:within AS text[]) IS NULL OR (
      SELECT d.business_unit FROM outbox.delivery AS d WHERE d.event_id = t.event_id AND d.connector_id = t.connector_id
      OFFSET 0) = ANY (CAST(:within AS text[])))
  ORDER BY t.started_at DESC
  LIMIT :most
)
SELECT date_bin(make_interval(secs => :part_seconds), t.started_at, CAST(:since AS timestamptz)) AS began_at,
       count(*) AS attempts, count(*) FILTER (WHERE t.outcome = 'ok') AS ok,
       count(*) FILTER (WHERE t.settled = 'dead') AS dead, min(t.started_at) AS first_at,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY t.duration_ms)
         FILTER (WHERE t.status_code IS NOT NULL) AS answer_ms
FROM tried AS t
GROUP BY GROUPING SETS ((1), ())
ORDER BY 1 NULLS FIRST
