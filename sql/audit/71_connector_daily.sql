-- Finished days as they were counted once, and from the facts the days since.
CREATE OR REPLACE VIEW outbox_audit.connector_daily AS
SELECT c.name AS connector, a.day, a.attempts, a.ok, a.failed, a.lost, a.late, a.delivered, a.dead, a.cancelled,
       round(CAST(a.ok AS numeric) / nullif(a.attempts, 0), 4) AS success_rate,
       a.delivery_ms[1] AS delivery_p50_ms, a.delivery_ms[2] AS delivery_p95_ms, a.delivery_ms[3] AS delivery_p99_ms,
       a.answer_ms[1] AS answer_p50_ms, a.answer_ms[2] AS answer_p95_ms, a.answer_ms[3] AS answer_p99_ms,
       a.connector_id
FROM (
  SELECT k.connector_id, k.day, k.attempts, k.ok, k.failed, k.lost, k.late, k.delivered, k.dead, k.cancelled,
         k.delivery_ms, k.answer_ms
  FROM outbox.connector_day k
  UNION ALL
  SELECT l.connector_id, l.day, l.attempts, l.ok, l.failed, l.lost, l.late, l.delivered, l.dead, l.cancelled,
         l.delivery_ms, l.answer_ms
  FROM outbox.attempt_day l
  WHERE l.day > (SELECT coalesce(max(k.day), '-infinity') FROM outbox.connector_day k)) a
JOIN outbox.connector c ON c.id = a.connector_id;
COMMENT ON VIEW outbox_audit.connector_daily IS
  'How each connector did on each UTC day of its attempts, tests left out. Filter by day, connector_id or connector. A day is counted for good six hours after its end.';
COMMENT ON COLUMN outbox_audit.connector_daily.connector IS 'The connector''s present name.';
COMMENT ON COLUMN outbox_audit.connector_daily.day IS 'UTC day on which the attempts began.';
COMMENT ON COLUMN outbox_audit.connector_daily.attempts IS 'Attempts, replays included; neither tests, nor cancelled deliveries, nor late answers.';
COMMENT ON COLUMN outbox_audit.connector_daily.ok IS 'Attempts that were answered 2xx.';
COMMENT ON COLUMN outbox_audit.connector_daily.failed IS 'Attempts that failed, whatever followed.';
COMMENT ON COLUMN outbox_audit.connector_daily.lost IS 'Attempts whose worker did not come back.';
COMMENT ON COLUMN outbox_audit.connector_daily.late IS 'Of the lost ones, those whose answer came after the lease had gone to another.';
COMMENT ON COLUMN outbox_audit.connector_daily.delivered IS 'Deliveries that these attempts settled as delivered, each on the day of the first such attempt: a replay of one is not counted again.';
COMMENT ON COLUMN outbox_audit.connector_daily.dead IS 'Deliveries that these attempts settled as dead, each once; a failed replay of what was delivered is none.';
COMMENT ON COLUMN outbox_audit.connector_daily.cancelled IS 'Deliveries that were cancelled that day, each once; a cancelled replay of what was delivered is none.';
COMMENT ON COLUMN outbox_audit.connector_daily.success_rate IS 'ok / attempts, from 0 to 1; NULL without attempts.';
COMMENT ON COLUMN outbox_audit.connector_daily.delivery_p50_ms IS
  'Median time from the change (the event''s occurred_at, in the application''s transaction) to its receiver''s 2xx, milliseconds; waiting, retries and holds included, replays and backfills not.';
COMMENT ON COLUMN outbox_audit.connector_daily.delivery_p95_ms IS 'The same, which 95 in 100 did not exceed.';
COMMENT ON COLUMN outbox_audit.connector_daily.delivery_p99_ms IS 'The same, which 99 in 100 did not exceed.';
COMMENT ON COLUMN outbox_audit.connector_daily.answer_p50_ms IS 'Median time that the receiver took to answer, with whatever status, milliseconds.';
COMMENT ON COLUMN outbox_audit.connector_daily.answer_p95_ms IS 'The same, which 95 in 100 did not exceed.';
COMMENT ON COLUMN outbox_audit.connector_daily.answer_p99_ms IS 'The same, which 99 in 100 did not exceed.';
COMMENT ON COLUMN outbox_audit.connector_daily.connector_id IS 'The connector.';
