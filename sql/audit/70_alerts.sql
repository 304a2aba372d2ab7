-- Every alert that was raised, with what was told of it: one row from begin to end of a trouble.
CREATE OR REPLACE VIEW outbox_audit.alerts AS
SELECT a.id AS alert_id, a.rule, nullif(a.subject, '') AS subject, a.severity,
       CASE WHEN a.ended_at IS NULL THEN 'open' ELSE 'ended' END AS state,
       a.title, a.words, a.mend, a.facts, a.began_at, a.ended_at, a.told, a.told_at AS last_told_at, a.last_error
FROM outbox.alert a;
COMMENT ON VIEW outbox_audit.alerts IS 'What alerts told people: each trouble from its begin to its end. Filter by state or began_at.';
COMMENT ON COLUMN outbox_audit.alerts.alert_id IS 'Its number, also in the id that the hook got.';
COMMENT ON COLUMN outbox_audit.alerts.rule IS 'What kind of trouble: see docs/alerts.md.';
COMMENT ON COLUMN outbox_audit.alerts.subject IS 'Whose: a connector or a capture rule; NULL where it concerns all.';
COMMENT ON COLUMN outbox_audit.alerts.severity IS 'warning: somebody should look in daylight; critical: somebody must act.';
COMMENT ON COLUMN outbox_audit.alerts.state IS 'open, or ended.';
COMMENT ON COLUMN outbox_audit.alerts.title IS 'What is wrong, in short.';
COMMENT ON COLUMN outbox_audit.alerts.words IS 'What is wrong, as it was last seen.';
COMMENT ON COLUMN outbox_audit.alerts.mend IS 'What to do about it.';
COMMENT ON COLUMN outbox_audit.alerts.facts IS 'Its figures.';
COMMENT ON COLUMN outbox_audit.alerts.began_at IS 'When it was first seen.';
COMMENT ON COLUMN outbox_audit.alerts.ended_at IS 'When it was well again; NULL while it stands.';
COMMENT ON COLUMN outbox_audit.alerts.told IS 'How often the hook took it; 0: never.';
COMMENT ON COLUMN outbox_audit.alerts.last_told_at IS 'When the hook last took it.';
COMMENT ON COLUMN outbox_audit.alerts.last_error IS 'Why the hook did not take it, the last time that it was sent.';
