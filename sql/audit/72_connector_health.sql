-- How each connector that is not removed does now: its state, what waits for it, and the attempts of the last hour.
CREATE OR REPLACE VIEW outbox_audit.connector_health AS
SELECT c.connector, c.state, c.state_reason, c.state_since, c.failures, c.failing_since, c.next_probe_at, c.last_error,
       coalesce(q.waiting, 0) AS waiting, coalesce(q.leased, 0) AS leased, coalesce(q.blocked, 0) AS blocked,
       q.oldest_event_id,
       (SELECT d.created_at FROM outbox.delivery d WHERE d.event_id = q.oldest_event_id AND d.connector_id = c.connector_id)
         AS oldest_waits_since,
       coalesce(a.attempts, 0) AS attempts_last_hour, coalesce(a.ok, 0) AS ok_last_hour,
       round(CAST(a.ok AS numeric) / nullif(a.attempts, 0), 4) AS success_rate_last_hour,
       coalesce(a.dead, 0) AS dead_last_hour, a.last_ok_at,
       a.answer_ms[1] AS answer_p50_ms, a.answer_ms[2] AS answer_p95_ms, a.answer_ms[3] AS answer_p99_ms,
       c.connector_id
FROM outbox_audit.connectors c
LEFT JOIN (
  SELECT w.connector_id, count(*) AS waiting,
         count(*) FILTER (WHERE w.lease_token IS NOT NULL AND w.due_at > now()) AS leased,
         count(*) FILTER (WHERE NOT w.ready) AS blocked, min(w.event_id) AS oldest_event_id
  FROM outbox.queue w
  GROUP BY w.connector_id) q ON q.connector_id = c.connector_id
LEFT JOIN (
  SELECT t.connector_id, count(*) FILTER (WHERE t.settled IS DISTINCT FROM 'cancelled') AS attempts,
         count(*) FILTER (WHERE t.outcome = 'ok') AS ok,
         count(*) FILTER (WHERE t.settled = 'dead' AND (t.kind <> 'replay' OR NOT EXISTS (
           SELECT FROM outbox.attempt o
           WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id AND o.number < t.number
             AND o.settled IN ('delivered', 'dead') OFFSET 0))) AS dead,
         max(t.started_at) FILTER (WHERE t.outcome = 'ok') AS last_ok_at,
         percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY t.duration_ms)
           FILTER (WHERE t.status_code IS NOT NULL) AS answer_ms
  FROM outbox.attempt t
  WHERE t.started_at > now() - interval '1 hour' AND t.kind <> 'test' AND NOT t.late
  GROUP BY t.connector_id) a ON a.connector_id = c.connector_id
WHERE c.state <> 'removed';
COMMENT ON VIEW outbox_audit.connector_health IS
  'How each connector does now: its state, what waits for it, and what came of the attempts of the last hour, tests left out.';
COMMENT ON COLUMN outbox_audit.connector_health.connector IS 'Its name.';
COMMENT ON COLUMN outbox_audit.connector_health.state IS 'enabled, held or disabled.';
COMMENT ON COLUMN outbox_audit.connector_health.state_reason IS 'Why it is held or disabled.';
COMMENT ON COLUMN outbox_audit.connector_health.state_since IS 'Since when it is.';
COMMENT ON COLUMN outbox_audit.connector_health.failures IS 'Attempts in a row that its receiver did not answer; NULL: it is well.';
COMMENT ON COLUMN outbox_audit.connector_health.failing_since IS 'Start of the first of these attempts.';
COMMENT ON COLUMN outbox_audit.connector_health.next_probe_at IS 'While held: when it is probed next, or the end of the lease of the probe that is out.';
COMMENT ON COLUMN outbox_audit.connector_health.last_error IS 'The last of these failures in words.';
COMMENT ON COLUMN outbox_audit.connector_health.waiting IS 'Deliveries in the queue, whatever their state.';
COMMENT ON COLUMN outbox_audit.connector_health.leased IS 'Of them, those that are being sent.';
COMMENT ON COLUMN outbox_audit.connector_health.blocked IS 'Of them, those behind another of the same contract.';
COMMENT ON COLUMN outbox_audit.connector_health.oldest_event_id IS 'The oldest event that waits for it.';
COMMENT ON COLUMN outbox_audit.connector_health.oldest_waits_since IS 'When that one was routed.';
COMMENT ON COLUMN outbox_audit.connector_health.attempts_last_hour IS 'Attempts that began in the last hour; neither cancelled deliveries nor late answers.';
COMMENT ON COLUMN outbox_audit.connector_health.ok_last_hour IS 'Of them, those that were answered 2xx.';
COMMENT ON COLUMN outbox_audit.connector_health.success_rate_last_hour IS 'ok / attempts, from 0 to 1; NULL without attempts.';
COMMENT ON COLUMN outbox_audit.connector_health.dead_last_hour IS 'Deliveries that these attempts settled as dead for the first time; a failed replay of what was delivered or dead is none.';
COMMENT ON COLUMN outbox_audit.connector_health.last_ok_at IS 'Start of the last attempt of the hour that was answered 2xx.';
COMMENT ON COLUMN outbox_audit.connector_health.answer_p50_ms IS 'Median time that its receiver took to answer in the last hour, milliseconds.';
COMMENT ON COLUMN outbox_audit.connector_health.answer_p95_ms IS 'The same, which 95 in 100 did not exceed.';
COMMENT ON COLUMN outbox_audit.connector_health.answer_p99_ms IS 'The same, which 99 in 100 did not exceed.';
COMMENT ON COLUMN outbox_audit.connector_health.connector_id IS 'The connector.';
