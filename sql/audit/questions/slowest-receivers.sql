-- Which receivers are the slowest? How long each takes to answer (milliseconds, attempts that were broken off without an
-- answer included) and how often it fails, the slowest first; from the attempts that started in the time asked for,
-- without tests and what was never sent. `lost` ones, whose worker did not come back, have no time and are no failures
-- of the receiver; where the answer came after all its time counts, and the attempt still once.
-- param since (moment, default 7d): attempts that started from this moment on
-- param until (moment, optional): attempts that started before this moment
SELECT t.connector, count(*) FILTER (WHERE NOT t.late) AS attempts,
       count(*) FILTER (WHERE t.outcome NOT IN ('ok', 'lost', 'late')) AS failed,
       count(*) FILTER (WHERE t.outcome = 'timeout') AS timeouts,
       count(*) FILTER (WHERE t.outcome = 'lost') AS lost,
       CAST(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.duration_ms) AS bigint) AS p50_ms,
       CAST(percentile_cont(0.95) WITHIN GROUP (ORDER BY t.duration_ms) AS bigint) AS p95_ms,
       CAST(percentile_cont(0.99) WITHIN GROUP (ORDER BY t.duration_ms) AS bigint) AS p99_ms,
       CAST(max(t.duration_ms) AS bigint) AS slowest_ms,
       max(t.started_at) AS last_attempt_at
FROM outbox_audit.attempts t
WHERE t.started_at >= CAST(:since AS timestamptz)
  AND (CAST(:until AS timestamptz) IS NULL OR t.started_at < CAST(:until AS timestamptz))
  AND t.outcome NOT IN ('report', 'blocked')
  AND t.settled IS DISTINCT FROM 'cancelled'
  AND t.kind <> 'test'
  AND (CAST(:within AS text[]) IS NULL OR EXISTS (  -- looked up for each attempt: joined, all deliveries ever would be read
    SELECT FROM outbox_audit.deliveries d
    WHERE d.event_id = t.event_id AND d.connector_id = t.connector_id AND d.business_unit = ANY (CAST(:within AS text[]))
    OFFSET 0))
GROUP BY t.connector_id, t.connector
ORDER BY p95_ms DESC NULLS LAST, attempts DESC, t.connector
