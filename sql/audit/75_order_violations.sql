-- Neighbours in a lane of which the later was sent before the earlier was settled for the first time. Neighbours are
-- enough: if each starts after the one before it is settled, so do all. Tests, backfills and replays have no place in
-- the order, nor have transactions that did not see each other, nor deliveries made or sent while the connector kept none.
CREATE OR REPLACE VIEW outbox_audit.order_violations AS
SELECT d.contract_id, c.name AS connector, p.event_id AS earlier_event_id, d.event_id AS later_event_id,
       s.settled_at AS earlier_settled_at, t.started_at AS later_started_at,
       1000 * CAST(extract(epoch FROM s.settled_at - t.started_at) AS double precision) AS ahead_ms, d.business_unit, d.connector_id
FROM outbox.attempt t
JOIN outbox.delivery d ON d.event_id = t.event_id AND d.connector_id = t.connector_id
JOIN outbox.connector c ON c.id = t.connector_id
CROSS JOIN LATERAL (
  SELECT o.event_id, o.connector_version FROM outbox.delivery o
  WHERE o.contract_id = d.contract_id AND o.connector_id = d.connector_id AND o.event_id < d.event_id AND o.kind = 'auto'
  ORDER BY o.event_id DESC LIMIT 1) AS p
CROSS JOIN LATERAL (
  SELECT min(o.started_at + coalesce(o.duration_ms, 0) * interval '1 millisecond') AS settled_at
  FROM outbox.attempt o
  WHERE o.event_id = p.event_id AND o.connector_id = d.connector_id AND o.settled IS NOT NULL AND NOT o.late) AS s
WHERE t.kind = 'auto' AND NOT t.late AND t.settled = 'delivered' AND d.kind = 'auto'
  AND (s.settled_at IS NULL OR s.settled_at > t.started_at)
  AND NOT EXISTS (
    SELECT FROM outbox.connector_version v
    WHERE v.connector_id = d.connector_id AND v.version BETWEEN p.connector_version AND greatest(d.connector_version, t.connector_version)
      AND v.spec ->> 'order' = 'none')
  AND EXISTS (
    SELECT FROM outbox.event earlier, outbox.event later
    WHERE earlier.id = p.event_id AND later.id = d.event_id
      AND (earlier.xid = later.xid OR pg_visible_in_snapshot(earlier.xid, later.snapshot)));
COMMENT ON VIEW outbox_audit.order_violations IS
  'Where a connector with order contract was sent a contract''s later event before the earlier one was settled: there should be none. Filter by contract_id, or by connector_id and later_started_at.';
COMMENT ON COLUMN outbox_audit.order_violations.contract_id IS 'The contract.';
COMMENT ON COLUMN outbox_audit.order_violations.connector IS 'Who got them out of order.';
COMMENT ON COLUMN outbox_audit.order_violations.earlier_event_id IS 'The event that should have been settled first.';
COMMENT ON COLUMN outbox_audit.order_violations.later_event_id IS 'The event of the same contract that was delivered before that.';
COMMENT ON COLUMN outbox_audit.order_violations.earlier_settled_at IS 'When the earlier one was first settled; NULL: not yet.';
COMMENT ON COLUMN outbox_audit.order_violations.later_started_at IS 'When the attempt that delivered the later one began.';
COMMENT ON COLUMN outbox_audit.order_violations.ahead_ms IS
  'By how much; below some milliseconds it may be the workers'' clocks, which follow the database''s. NULL: the earlier one is not settled yet.';
COMMENT ON COLUMN outbox_audit.order_violations.business_unit IS 'The contract''s business unit.';
COMMENT ON COLUMN outbox_audit.order_violations.connector_id IS 'The connector.';
