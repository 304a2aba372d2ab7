-- The version of the schema, for whoever may read nothing but these views.
CREATE OR REPLACE VIEW outbox_audit.migrations AS
SELECT m.number, m.name, m.applied_at, m.sha256, m.oldest
FROM outbox.migration m;
COMMENT ON VIEW outbox_audit.migrations IS 'Which migrations of the schema stand; the highest number is its version.';
COMMENT ON COLUMN outbox_audit.migrations.number IS 'Its number.';
COMMENT ON COLUMN outbox_audit.migrations.name IS 'What it is about.';
COMMENT ON COLUMN outbox_audit.migrations.applied_at IS 'When it was applied.';
COMMENT ON COLUMN outbox_audit.migrations.sha256 IS 'Digest of the file that it was applied from.';
COMMENT ON COLUMN outbox_audit.migrations.oldest IS 'The oldest version of the schema whose workers go on once it is applied.';
