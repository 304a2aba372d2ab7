-- Deliveries whose attempts are spent, or that were refused for good: starts from the index on what settled so, the last
-- time where a replay went dead too; so it comes in the index's order, and a limit reads no more than it
-- gives. CASE: of a plain comparison the planner expects one in two hundred to hold, and would read and sort them all.
CREATE OR REPLACE VIEW outbox_audit.dead_letters AS
SELECT d.*
FROM outbox.attempt t
JOIN outbox_audit.deliveries d ON d.event_id = t.event_id AND d.connector_id = t.connector_id
WHERE t.settled = 'dead' AND CASE WHEN d.state = 'dead' THEN true ELSE false END
  AND NOT EXISTS (SELECT FROM outbox.attempt o
                  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id AND o.settled = 'dead'
                    AND o.number > t.number OFFSET 0);
COMMENT ON VIEW outbox_audit.dead_letters IS 'Deliveries that are dead; `outbox replay` sends them again. Columns as in deliveries.';
