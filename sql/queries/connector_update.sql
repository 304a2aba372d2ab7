-- The next version of a connector, only if it still is the version that was read; no row otherwise.
-- Enabling forgets what failed before; another change of a held one is worth a probe at once.
-- A kept secret stays as it is; a signing secret that is replaced stays beside the new one until it is dropped.
WITH before AS (
  SELECT enabled FROM outbox.connector WHERE id = :id
), changed AS (
  UPDATE outbox.connector AS c
  SET version = c.version + 1,
      name = :name,
      business_units = CAST(:business_units AS text[]),
      triggers = CAST(:triggers AS text[]),
      url = :url,
      content_type = :content_type,
      ssl_verification = :ssl_verification,
      data = :data,
      company_fields = CAST(:company_fields AS text[]),
      field_mapping = CAST(:field_mapping AS jsonb),
      form_style = :form_style,
      lane_order = :lane_order,
      max_in_flight = :max_in_flight,
      rate_per_second = CAST(:rate_per_second AS double precision),
      timeout_seconds = :timeout_seconds,
      schedule = CAST(:schedule AS double precision[]),
      headers = CAST(:headers AS jsonb),
      username = :username,
      secret = CASE WHEN :keep_secret THEN c.secret ELSE CAST(:secret AS bytea) END,
      signing_secret = CASE WHEN :keep_signing_secret THEN c.signing_secret ELSE CAST(:signing_secret AS bytea) END,
      signing_secret_old = CASE WHEN :drop_old_signing_secret THEN NULL
                                WHEN :keep_signing_secret THEN c.signing_secret_old
                                WHEN CAST(:signing_secret AS bytea) IS NULL THEN NULL
                                ELSE c.signing_secret END,
      enabled = :enabled,
      disabled_reason = CAST(:disabled_reason AS text),
      disabled_at = CASE WHEN :enabled THEN NULL ELSE coalesce(c.disabled_at, clock_timestamp()) END,
      discard = :discard,
      updated_at = clock_timestamp()
  WHERE c.id = :id AND c.version = :version AND c.removed_at IS NULL
  RETURNING c.id, c.version
), well AS (
  DELETE FROM outbox.health AS h USING changed, before
  WHERE h.connector_id = changed.id AND :enabled AND NOT before.enabled
), probed AS (
  UPDATE outbox.health AS h SET probe_at = clock_timestamp(), probes = 0
  FROM changed, before
  WHERE h.connector_id = changed.id AND h.held_at IS NOT NULL AND before.enabled
)
INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)
SELECT changed.id, changed.version, :action, CAST(:spec AS jsonb), :changed_by, :origin
FROM changed
RETURNING connector_id, version
