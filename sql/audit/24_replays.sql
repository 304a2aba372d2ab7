-- Replays that a person asked for and that were done; what came of one stands in attempts.
CREATE OR REPLACE VIEW outbox_audit.replays AS
SELECT r.event_id, c.name AS connector, r.connector_id, r.verdict, r.asked_at, r.asked_by
FROM outbox.replay r
JOIN outbox.connector c ON c.id = r.connector_id;
COMMENT ON VIEW outbox_audit.replays IS 'Who asked for a replay of which delivery, and when. Filter by event_id.';
COMMENT ON COLUMN outbox_audit.replays.event_id IS 'The event; with the connector it is the delivery.';
COMMENT ON COLUMN outbox_audit.replays.connector IS 'The connector''s present name.';
COMMENT ON COLUMN outbox_audit.replays.connector_id IS 'The connector.';
COMMENT ON COLUMN outbox_audit.replays.verdict IS 'again: a finished delivery was queued once more; forward: the next attempt of a waiting one was made at once.';
COMMENT ON COLUMN outbox_audit.replays.asked_at IS 'When.';
COMMENT ON COLUMN outbox_audit.replays.asked_by IS 'Who, as the command was told.';
