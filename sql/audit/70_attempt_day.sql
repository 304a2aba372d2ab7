-- Attempts by connector and UTC day, counted from the facts, tests left out. What was cancelled is no attempt; a late one
-- is counted apart, since it stands beside the lost one of its number. Backfills and replays have no time from their
-- commit. A filter on day limits the series, and each day is then a stretch of the index on started_at. OFFSET 0 keeps
-- look-ups what they are: joined, the facts of all days would be read for one. A delivery counts as delivered once, and as
-- dead or cancelled once and only before it is delivered; what settled it before is looked for of replays alone.
CREATE OR REPLACE VIEW outbox.attempt_day AS
SELECT a.connector_id, s.day, a.attempts, a.ok, a.failed, a.lost, a.late, a.delivered, a.dead, a.cancelled, a.delivery_ms, a.answer_ms
FROM (
  SELECT f.day + n AS day
  FROM (SELECT CAST((SELECT min(t.started_at) FROM outbox.attempt t) AT TIME ZONE 'UTC' AS date) AS day) f
  CROSS JOIN LATERAL generate_series(0, CAST(now() AT TIME ZONE 'UTC' AS date) - f.day + 1) AS n) s
CROSS JOIN LATERAL (
  SELECT t.connector_id,
         count(*) FILTER (WHERE t.try) AS attempts,
         count(*) FILTER (WHERE t.try AND t.outcome = 'ok') AS ok,
         count(*) FILTER (WHERE t.try AND t.outcome NOT IN ('ok', 'lost')) AS failed,
         count(*) FILTER (WHERE t.outcome = 'lost') AS lost,
         count(*) FILTER (WHERE t.late) AS late,
         count(*) FILTER (WHERE t.settled = 'delivered' AND t.anew) AS delivered,
         count(*) FILTER (WHERE t.settled = 'dead' AND t.anew) AS dead,
         count(*) FILTER (WHERE t.settled = 'cancelled' AND t.anew) AS cancelled,
         percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (
           ORDER BY 1000 * CAST(extract(epoch FROM t.started_at - e.occurred_at) AS double precision) + t.duration_ms)
           AS delivery_ms,
         percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY t.duration_ms)
           FILTER (WHERE t.status_code IS NOT NULL) AS answer_ms
  FROM (SELECT r.*, NOT r.late AND r.settled IS DISTINCT FROM 'cancelled' AS try,
               r.kind <> 'replay' OR NOT EXISTS (
                 SELECT FROM outbox.attempt o
                 WHERE o.event_id = r.event_id AND o.connector_id = r.connector_id AND o.number < r.number
                   AND o.settled IN ('delivered', r.settled) OFFSET 0) AS anew
        FROM outbox.attempt r
        WHERE r.kind <> 'test' AND r.started_at >= CAST(s.day AS timestamp) AT TIME ZONE 'UTC' AND r.started_at < CAST(s.day + 1 AS timestamp) AT TIME ZONE 'UTC') t
  LEFT JOIN LATERAL (
    SELECT v.occurred_at
    FROM outbox.delivery d
    JOIN outbox.event v ON v.id = d.event_id
    WHERE d.event_id = t.event_id AND d.connector_id = t.connector_id AND d.kind = 'auto'
      AND t.settled = 'delivered' AND t.kind = 'auto'
    OFFSET 0) e ON true
  GROUP BY t.connector_id) a;
COMMENT ON VIEW outbox.attempt_day IS 'The figures of outbox.connector_day, from the facts. Filter by day.';
