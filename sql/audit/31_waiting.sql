-- Deliveries that are open: starts from the queue, which is small, and not from all deliveries ever.
CREATE OR REPLACE VIEW outbox_audit.waiting AS
SELECT d.*
FROM outbox_audit.deliveries d
WHERE (d.event_id, d.connector_id) IN (SELECT q.event_id, q.connector_id FROM outbox.queue q)
  AND d.state IN ('pending', 'held', 'blocked', 'leased');
COMMENT ON VIEW outbox_audit.waiting IS 'Deliveries that are pending, held, blocked or leased; columns as in deliveries.';
