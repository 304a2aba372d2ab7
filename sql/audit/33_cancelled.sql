-- Deliveries that were dropped before they were sent: starts from the index on what settled so.
CREATE OR REPLACE VIEW outbox_audit.cancelled AS
SELECT d.*
FROM outbox_audit.deliveries d
WHERE (d.event_id, d.connector_id)
      IN (SELECT t.event_id, t.connector_id FROM outbox.attempt t WHERE t.settled = 'cancelled')
  AND d.state = 'cancelled';
COMMENT ON VIEW outbox_audit.cancelled IS 'Deliveries that were cancelled, as when their connector was removed. Columns as in deliveries.';
