-- Every version of every connector, whole; no secret, which no version keeps.
CREATE OR REPLACE VIEW outbox_audit.connector_versions AS
SELECT v.connector_id, c.name AS connector, v.version, v.action, v.changed_at, v.changed_by, v.origin, v.spec
FROM outbox.connector_version v
JOIN outbox.connector c ON c.id = v.connector_id;
COMMENT ON VIEW outbox_audit.connector_versions IS
  'Every version of every connector as it was; config_changes has what differs. Filter by connector_id. Never a secret.';
COMMENT ON COLUMN outbox_audit.connector_versions.connector_id IS 'The connector.';
COMMENT ON COLUMN outbox_audit.connector_versions.connector IS 'The connector''s present name.';
COMMENT ON COLUMN outbox_audit.connector_versions.version IS 'From 1.';
COMMENT ON COLUMN outbox_audit.connector_versions.action IS 'What made it: create, edit, enable, disable or remove.';
COMMENT ON COLUMN outbox_audit.connector_versions.changed_at IS 'Since when it was in force.';
COMMENT ON COLUMN outbox_audit.connector_versions.changed_by IS 'Who made it.';
COMMENT ON COLUMN outbox_audit.connector_versions.origin IS 'From where: code (a file), command, page, api, or relay (the service itself).';
COMMENT ON COLUMN outbox_audit.connector_versions.spec IS 'The connector as it was; of secrets only whether one was set, and whether it changed.';
