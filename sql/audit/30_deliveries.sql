-- One row a delivery (tests left out), its state read from facts: the queue while it is open, else what settled it.
-- Once delivered it stays delivered, whatever a replay does; late attempts settle nothing and don't count.
CREATE OR REPLACE VIEW outbox_audit.deliveries AS
SELECT d.event_id, c.name AS connector, d.connector_version, d.contract_id, d.business_unit, d.trigger,
       CASE WHEN a.delivered_at IS NOT NULL THEN 'delivered'
            WHEN q.event_id IS NULL THEN coalesce(a.settled, 'unknown')
            WHEN q.lease_token IS NOT NULL AND q.due_at > now() THEN 'leased'
            WHEN NOT c.enabled OR c.id IN (SELECT u.connector_id FROM outbox_audit.unopened u)
              OR EXISTS (SELECT FROM outbox.health h WHERE h.connector_id = c.id AND h.held_at IS NOT NULL) THEN 'held'
            WHEN NOT q.ready THEN 'blocked'
            ELSE 'pending' END AS state,
       coalesce(q.attempts, a.attempts, 0) AS attempts,
       q.due_at, d.created_at,
       CASE WHEN a.delivered_at IS NOT NULL THEN a.delivered_at
            WHEN q.event_id IS NULL THEN a.settled_at END AS finished_at,
       coalesce(a.last_error, q.last_error) AS last_error,
       d.connector_id, d.kind,
       CASE WHEN NOT q.ready THEN (
         SELECT h.event_id FROM outbox.queue h
         WHERE h.contract_id = q.contract_id AND h.connector_id = q.connector_id
         ORDER BY h.position LIMIT 1) END AS blocked_by,
       q.lease_worker AS worker,
       coalesce(q.kind = 'replay', false) AS replaying,
       d.content_type, d.body
FROM outbox.delivery d
JOIN outbox.connector c ON c.id = d.connector_id
LEFT JOIN outbox.queue q ON q.connector_id = d.connector_id AND q.event_id = d.event_id
LEFT JOIN LATERAL (
  SELECT max(t.number) AS attempts,
         min(t.started_at + coalesce(t.duration_ms, 0) * interval '1 millisecond')
           FILTER (WHERE t.settled = 'delivered') AS delivered_at,
         (array_agg(t.settled ORDER BY t.number DESC) FILTER (WHERE t.settled IS NOT NULL))[1] AS settled,
         max(t.started_at + coalesce(t.duration_ms, 0) * interval '1 millisecond')
           FILTER (WHERE t.settled IS NOT NULL) AS settled_at,
         (array_agg(coalesce(t.error, 'HTTP ' || t.status_code, t.outcome) ORDER BY t.number DESC)
           FILTER (WHERE t.outcome <> 'ok'))[1] AS last_error
  FROM outbox.attempt t
  WHERE t.event_id = d.event_id AND t.connector_id = d.connector_id AND NOT t.late) AS a ON true
WHERE d.kind <> 'test';
COMMENT ON VIEW outbox_audit.deliveries IS
  'One row for each event and connector that it goes to. Filter by contract_id, connector_id, business_unit, event_id or created_at; page by event_id, or by created_at and event_id within a stretch of time. For what is not delivered start from waiting, dead_letters or undelivered, which are small.';
COMMENT ON COLUMN outbox_audit.deliveries.connector_version IS 'Version of the connector that the report was built by.';
COMMENT ON COLUMN outbox_audit.deliveries.state IS
  'pending, leased (being sent), held (its connector is), blocked (behind its lane''s head); delivered, dead, cancelled. unknown: neither waiting nor settled, which no delivery should be.';
COMMENT ON COLUMN outbox_audit.deliveries.attempts IS 'Number of the last attempt, replays included; one being made counts.';
COMMENT ON COLUMN outbox_audit.deliveries.due_at IS 'Next attempt not before; end of the lease while leased; NULL when nothing waits.';
COMMENT ON COLUMN outbox_audit.deliveries.created_at IS 'When it was routed.';
COMMENT ON COLUMN outbox_audit.deliveries.finished_at IS 'When it was delivered (the first time), went dead or was cancelled.';
COMMENT ON COLUMN outbox_audit.deliveries.last_error IS 'Why the latest attempt that failed did; kept once a later one succeeds.';
COMMENT ON COLUMN outbox_audit.deliveries.kind IS 'auto, or backfill.';
COMMENT ON COLUMN outbox_audit.deliveries.blocked_by IS 'The event at the head of its lane, which it waits for.';
COMMENT ON COLUMN outbox_audit.deliveries.worker IS 'Who holds the lease.';
COMMENT ON COLUMN outbox_audit.deliveries.replaying IS 'Whether a replay waits or is being sent.';
COMMENT ON COLUMN outbox_audit.deliveries.body IS 'The exact bytes of the report; NULL: could not be built, or erased.';
COMMENT ON COLUMN outbox_audit.deliveries.event_id IS 'The event; with connector_id it is the delivery.';
COMMENT ON COLUMN outbox_audit.deliveries.connector IS 'The connector''s present name.';
COMMENT ON COLUMN outbox_audit.deliveries.contract_id IS 'The contract.';
COMMENT ON COLUMN outbox_audit.deliveries.business_unit IS 'The contract''s business unit when the event was captured.';
COMMENT ON COLUMN outbox_audit.deliveries.trigger IS 'The event''s trigger.';
COMMENT ON COLUMN outbox_audit.deliveries.connector_id IS 'The connector.';
COMMENT ON COLUMN outbox_audit.deliveries.content_type IS 'Content type of the report.';
