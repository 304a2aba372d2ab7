-- Which history is gone on purpose: ranges of event ids whose facts were dropped, since they were older than the retention.
CREATE OR REPLACE VIEW outbox_audit.pruned AS
SELECT p.range_start AS first_event_id, p.range_end - 1 AS last_event_id, p.newest_at, p.keep, p.pruned_at
FROM outbox.pruned p;
COMMENT ON VIEW outbox_audit.pruned IS
  'Ranges of event ids of which nothing is kept any more: older than the retention, and all of it was settled.';
COMMENT ON COLUMN outbox_audit.pruned.first_event_id IS 'The first id of the range.';
COMMENT ON COLUMN outbox_audit.pruned.last_event_id IS 'The last one.';
COMMENT ON COLUMN outbox_audit.pruned.newest_at IS 'When the last event of the range occurred.';
COMMENT ON COLUMN outbox_audit.pruned.keep IS 'The retention that was in force.';
COMMENT ON COLUMN outbox_audit.pruned.pruned_at IS 'When it was dropped.';
