-- One connector, removed ones too, as connector_all has them.
SELECT c.id, c.version, c.name, c.business_units, c.triggers, c.url, c.content_type, c.ssl_verification, c.data,
       c.company_fields, CAST(c.field_mapping AS text) AS field_mapping, c.form_style, c.lane_order, c.max_in_flight,
       c.rate_per_second, c.timeout_seconds, c.schedule, CAST(c.headers AS text) AS headers, c.username,
       c.secret, c.signing_secret, c.signing_secret_old,
       c.enabled, c.disabled_reason, c.disabled_at, c.discard, h.held_reason, h.held_at, h.probe_at,
       c.origin, c.created_at, c.updated_at,
       v.changed_by, v.origin AS changed_origin
FROM outbox.connector AS c
LEFT JOIN outbox.health AS h ON h.connector_id = c.id
LEFT JOIN outbox.connector_version AS v ON v.connector_id = c.id AND v.version = c.version
WHERE c.id = :id
