-- Counts the first day that is not counted yet, once it has been over for six hours, and says which; no row when none is.
-- Days without attempts have none; what is recorded of a day after this is not counted.
WITH next AS (
  SELECT CAST(min(t.started_at) AT TIME ZONE 'UTC' AS date) AS day
  FROM outbox.attempt AS t
  WHERE t.kind <> 'test'
    AND t.started_at >= CAST((SELECT coalesce(max(k.day) + 1, CAST('-infinity' AS date)) FROM outbox.connector_day AS k) AS timestamp) AT TIME ZONE 'UTC'
), counted AS (
  INSERT INTO outbox.connector_day (connector_id, day, attempts, ok, failed, lost, late, delivered, dead, cancelled,
                                    delivery_ms, answer_ms)
  SELECT a.connector_id, a.day, a.attempts, a.ok, a.failed, a.lost, a.late, a.delivered, a.dead, a.cancelled, a.delivery_ms,
         a.answer_ms
  FROM outbox.attempt_day AS a
  JOIN next ON next.day = a.day
  WHERE now() >= CAST(next.day + 1 AS timestamp) AT TIME ZONE 'UTC' + interval '6 hours'
  RETURNING day
)
SELECT DISTINCT day FROM counted
