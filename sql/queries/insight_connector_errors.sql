-- What went wrong at a connector since a moment, in sight, by words: how often, when last, and at which delivery. The newest
-- so many failures are read, by the index on what was not a success at the first try.
WITH failed AS MATERIALIZED (
  SELECT t.event_id, t.started_at, t.outcome, t.status_code, coalesce(t.error, 'HTTP ' || t.status_code, t.outcome) AS words
  FROM outbox.attempt AS t
  WHERE t.started_at >= CAST(:since AS timestamptz) AND t.connector_id = :connector_id AND t.outcome <> 'ok'
    AND t.kind <> 'test' AND NOT t.late AND t.settled IS DISTINCT FROM 'cancelled'
    AND (CAST(:within AS text[]) IS NULL OR (
      SELECT d.business_unit FROM outbox.delivery AS d WHERE d.event_id = t.event_id AND d.connector_id = t.connector_id
      OFFSET 0) = ANY (CAST(:within AS text[])))
  ORDER BY t.started_at DESC
  LIMIT :most
)
SELECT f.words, min(f.outcome) AS outcome, min(f.status_code) AS status_code, count(*) AS attempts,
       max(f.started_at) AS last_at, (array_agg(f.event_id ORDER BY f.started_at DESC))[1] AS event_id
FROM failed AS f
GROUP BY f.words
ORDER BY last_at DESC
LIMIT 8
