-- Enables or disables a connector as its next version; no row when that is what it is already, or it is removed.
-- Enabling forgets what failed before, and with it a hold: whoever enables wants it tried now. With a version, only
-- while that is the current one.
WITH changed AS (
  UPDATE outbox.connector AS c
  SET version = c.version + 1,
      enabled = :enabled,
      disabled_reason = CASE WHEN :enabled THEN NULL ELSE CAST(:reason AS text) END,
      disabled_at = CASE WHEN :enabled THEN NULL ELSE coalesce(c.disabled_at, clock_timestamp()) END,
      discard = :discard,
      updated_at = clock_timestamp()
  WHERE c.id = :id AND c.removed_at IS NULL
    AND (CAST(:version AS integer) IS NULL OR c.version = CAST(:version AS integer))
    AND (c.enabled <> :enabled OR c.discard <> :discard OR (:enabled AND EXISTS (
      SELECT FROM outbox.health AS h WHERE h.connector_id = c.id AND h.held_at IS NOT NULL)))
  RETURNING c.id, c.version, c.disabled_reason
), well AS (
  DELETE FROM outbox.health AS h USING changed WHERE h.connector_id = changed.id AND :enabled
)
INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)
SELECT changed.id, changed.version, CASE WHEN :enabled THEN 'enable' ELSE 'disable' END,
       coalesce(last.spec, CAST('{}' AS jsonb)) - ARRAY['secret_changed', 'signing_secret_changed', 'headers_changed']
         || jsonb_build_object('enabled', :enabled, 'disabled_reason', changed.disabled_reason, 'discard', :discard),
       :changed_by, :origin
FROM changed
LEFT JOIN outbox.connector_version AS last ON last.connector_id = changed.id AND last.version = changed.version - 1
RETURNING connector_id, version
