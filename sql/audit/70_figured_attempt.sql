-- What each attempt adds to the figures, tests and late answers left out. `becomes` is what it makes of its delivery and
-- `was` what that was before; a delivery stays delivered, and only a replay's attempt finds one that was settled before.
-- OFFSET 0 keeps look-ups what they are. Filter by started_at.
CREATE OR REPLACE VIEW outbox.figured_attempt AS
SELECT t.connector_id, t.started_at, coalesce(d.business_unit, '') AS business_unit,
       date_trunc('hour', d.created_at, 'UTC') AS routed,
       t.settled IS DISTINCT FROM 'cancelled' AS tried, t.outcome = 'ok' AS ok, t.number > 1 AS again,
       CASE WHEN t.settled <> coalesce(b.was, '') AND coalesce(b.was, '') <> 'delivered' THEN t.settled END AS becomes,
       CASE WHEN t.settled <> coalesce(b.was, '') THEN nullif(b.was, 'delivered') END AS was,
       CAST(CASE WHEN m.ms > 1 THEN ceil(8 * ln(m.ms) / ln(2)) ELSE 0 * m.ms END AS smallint) AS delivery_bin,
       CAST(CASE WHEN t.status_code IS NULL THEN NULL WHEN t.duration_ms > 1 THEN ceil(8 * ln(t.duration_ms) / ln(2))
                 ELSE 0 * t.duration_ms END AS smallint) AS answer_bin
FROM outbox.attempt AS t
CROSS JOIN LATERAL (
  SELECT v.business_unit, v.created_at, v.kind
  FROM outbox.delivery AS v
  WHERE v.event_id = t.event_id AND v.connector_id = t.connector_id
  OFFSET 0) AS d
LEFT JOIN LATERAL (
  SELECT CASE WHEN bool_or(o.settled = 'delivered') THEN 'delivered'
              ELSE (array_agg(o.settled ORDER BY o.number DESC))[1] END AS was
  FROM outbox.attempt AS o
  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id AND o.number < t.number AND o.settled IS NOT NULL
    AND t.kind = 'replay' AND t.settled IS NOT NULL
  OFFSET 0) AS b ON true
LEFT JOIN LATERAL (
  SELECT 1000 * CAST(extract(epoch FROM t.started_at - e.occurred_at) AS double precision) + t.duration_ms AS ms
  FROM outbox.event AS e
  WHERE e.id = t.event_id AND t.settled = 'delivered' AND t.kind = 'auto' AND d.kind = 'auto'
  OFFSET 0) AS m ON true
WHERE t.kind <> 'test' AND NOT t.late;
COMMENT ON VIEW outbox.figured_attempt IS 'What each attempt adds to outbox.figure, from the facts. Filter by started_at.';
