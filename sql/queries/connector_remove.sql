-- Removes a connector, only in the version that was read: its name is free again, its secrets are gone, its history stays.
WITH removed AS (
  UPDATE outbox.connector AS c
  SET version = c.version + 1, secret = NULL, signing_secret = NULL, signing_secret_old = NULL,
      headers = coalesce((SELECT jsonb_object_agg(h.key, h.value) FROM jsonb_each(c.headers) AS h
                          WHERE jsonb_typeof(h.value) = 'string'), CAST('{}' AS jsonb)),
      removed_at = clock_timestamp(), updated_at = clock_timestamp()
  WHERE c.id = :id AND c.version = :version AND c.removed_at IS NULL
  RETURNING c.id, c.version
), well AS (
  DELETE FROM outbox.health AS h USING removed WHERE h.connector_id = removed.id
)
INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)
SELECT removed.id, removed.version, 'remove',
       coalesce(last.spec, CAST('{}' AS jsonb)) - ARRAY['secret_changed', 'signing_secret_changed', 'headers_changed'],
       :changed_by, :origin
FROM removed
LEFT JOIN outbox.connector_version AS last ON last.connector_id = removed.id AND last.version = removed.version - 1
RETURNING connector_id, version
