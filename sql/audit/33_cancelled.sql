-- Deliveries that were dropped before they were sent: starts from the index on what settled so, as dead_letters does.
CREATE OR REPLACE VIEW outbox_audit.cancelled AS
SELECT d.*
FROM outbox.attempt t
JOIN outbox_audit.deliveries d ON d.event_id = t.event_id AND d.connector_id = t.connector_id
WHERE t.settled = 'cancelled' AND CASE WHEN d.state = 'cancelled' THEN true ELSE false END
  AND NOT EXISTS (SELECT FROM outbox.attempt o
                  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id AND o.settled = 'cancelled'
                    AND o.number > t.number OFFSET 0);
COMMENT ON VIEW outbox_audit.cancelled IS 'Deliveries that were cancelled, as when their connector was removed. Columns as in deliveries.';
