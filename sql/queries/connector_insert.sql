-- A new connector and its first version, together or not at all; no row when the name is taken.
WITH made AS (
  INSERT INTO outbox.connector
    (name, business_units, triggers, url, content_type, ssl_verification, data, company_fields, field_mapping,
     form_style, lane_order, max_in_flight, rate_per_second, timeout_seconds, schedule, headers, username, secret,
     signing_secret, enabled, disabled_reason, disabled_at, origin)
  VALUES
    (:name, CAST(:business_units AS text[]), CAST(:triggers AS text[]), :url, :content_type, :ssl_verification, :data,
     CAST(:company_fields AS text[]), CAST(:field_mapping AS jsonb), :form_style, :lane_order, :max_in_flight,
     CAST(:rate_per_second AS double precision), :timeout_seconds, CAST(:schedule AS double precision[]), CAST(:headers AS jsonb), :username,
     CAST(:secret AS bytea), CAST(:signing_secret AS bytea), :enabled, CAST(:disabled_reason AS text),
     CASE WHEN :enabled THEN NULL ELSE clock_timestamp() END, :origin)
  ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING
  RETURNING id, version
)
INSERT INTO outbox.connector_version (connector_id, version, action, spec, changed_by, origin)
SELECT made.id, made.version, 'create', CAST(:spec AS jsonb), :changed_by, :origin
FROM made
RETURNING connector_id, version
