-- Which receivers are the slowest? How long each takes to answer (milliseconds, attempts without any answer included)
-- and how often it fails, the slowest first; from the attempts that started in the time asked for, without tests and
-- what was never sent.
-- param since (moment, default 7d): attempts that started from this moment on
-- param until (moment, optional): attempts that started before this moment
SELECT c.connector, count(*) AS attempts,
       count(*) FILTER (WHERE t.outcome <> 'ok') AS failed,
       count(*) FILTER (WHERE t.outcome = 'timeout') AS timeouts,
       CAST(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.duration_ms) AS bigint) AS p50_ms,
       CAST(percentile_cont(0.95) WITHIN GROUP (ORDER BY t.duration_ms) AS bigint) AS p95_ms,
       CAST(percentile_cont(0.99) WITHIN GROUP (ORDER BY t.duration_ms) AS bigint) AS p99_ms,
       CAST(max(t.duration_ms) AS bigint) AS slowest_ms,
       max(t.started_at) AS last_attempt_at
FROM outbox.attempt t
JOIN outbox_audit.connectors c ON c.connector_id = t.connector_id
WHERE t.started_at >= CAST(:since AS timestamptz)
  AND (CAST(:until AS timestamptz) IS NULL OR t.started_at < CAST(:until AS timestamptz))
  AND t.duration_ms IS NOT NULL
  AND t.outcome NOT IN ('report', 'blocked')
  AND t.kind <> 'test'
GROUP BY c.connector_id, c.connector
ORDER BY p95_ms DESC, attempts DESC, c.connector
