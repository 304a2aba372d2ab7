-- All that has not reached its receiver: waiting, dead or cancelled; each part starts from its own small index.
CREATE OR REPLACE VIEW outbox_audit.undelivered AS
SELECT * FROM outbox_audit.waiting
UNION ALL
SELECT * FROM outbox_audit.dead_letters
UNION ALL
SELECT * FROM outbox_audit.cancelled;
COMMENT ON VIEW outbox_audit.undelivered IS 'Deliveries that are waiting, dead or cancelled; columns as in deliveries.';
