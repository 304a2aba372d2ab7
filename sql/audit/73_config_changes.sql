-- Who changed what: one row for each key that differs between a connector's version and the one before, or between
-- an installed mapping and the one before; one with no key where nothing differs. Of secrets only that they changed.
CREATE OR REPLACE VIEW outbox_audit.config_changes AS
WITH kept AS (
  SELECT v.*,
         v.spec - ARRAY['headers', 'secret_changed', 'signing_secret_changed', 'headers_changed']
           || coalesce((SELECT jsonb_object_agg('headers.' || h.key, h.value)
                        FROM jsonb_each(CASE jsonb_typeof(v.spec -> 'headers') WHEN 'object' THEN v.spec -> 'headers' END) h),
                       '{}') AS now
  FROM outbox.connector_version v
), versions AS (
  SELECT k.*, lag(k.now, 1, '{}') OVER (PARTITION BY k.connector_id ORDER BY k.version) AS before,
         ARRAY(SELECT m.secret FROM unnest(ARRAY['secret', 'signing_secret']) AS m (secret) WHERE k.spec ? (m.secret || '_changed'))
           || ARRAY(SELECT 'headers.' || n.name FROM jsonb_array_elements_text(coalesce(k.spec -> 'headers_changed', '[]')) AS n (name))
           AS renewed
  FROM kept k
), mappings AS (
  SELECT s.id, s.installed_at, s.installed_by, s.removed_at, s.mapping - 'installed' AS now,
         lag(s.mapping - 'installed', 1, '{}') OVER (ORDER BY s.id) AS before,
         lead(s.installed_at) OVER (ORDER BY s.id) AS next_installed_at
  FROM outbox.source s
)
SELECT v.changed_at, v.changed_by, v.origin, 'connector' AS what, c.name AS connector, v.version, v.action,
       d.key, d.old, d.new, v.connector_id
FROM versions v
JOIN outbox.connector c ON c.id = v.connector_id
LEFT JOIN LATERAL (
  SELECT k.key, v.before -> k.key AS old, CASE WHEN v.before -> k.key = v.now -> k.key THEN '"changed"' ELSE v.now -> k.key END AS new
  FROM (SELECT jsonb_object_keys(v.before) UNION SELECT jsonb_object_keys(v.now)) AS k (key)
  WHERE v.before -> k.key IS DISTINCT FROM v.now -> k.key OR k.key = ANY (v.renewed)) AS d ON true
UNION ALL
SELECT m.installed_at, m.installed_by, 'code', 'mapping', NULL, m.id, 'install', d.key, d.old, d.new, NULL
FROM mappings m
LEFT JOIN LATERAL (
  SELECT k.key, m.before -> k.key AS old, m.now -> k.key AS new
  FROM (SELECT jsonb_object_keys(m.before) UNION SELECT jsonb_object_keys(m.now)) AS k (key)
  WHERE m.before -> k.key IS DISTINCT FROM m.now -> k.key) AS d ON true
UNION ALL
SELECT m.removed_at, NULL, 'code', 'mapping', NULL, m.id, 'uninstall', NULL, NULL, NULL, NULL
FROM mappings m
WHERE m.removed_at IS NOT NULL
  AND (m.next_installed_at IS NULL OR m.next_installed_at > m.removed_at + interval '1 second');
COMMENT ON VIEW outbox_audit.config_changes IS
  'Who changed which connector, or the installed mapping, when, and what differed: one row for each key. Never a secret.';
COMMENT ON COLUMN outbox_audit.config_changes.changed_at IS 'When.';
COMMENT ON COLUMN outbox_audit.config_changes.changed_by IS 'Who; of a mapping the database''s role; NULL of an uninstall, which is not recorded.';
COMMENT ON COLUMN outbox_audit.config_changes.origin IS 'From where: code (a file), command, page, api, or relay (the service itself).';
COMMENT ON COLUMN outbox_audit.config_changes.what IS 'connector, or mapping.';
COMMENT ON COLUMN outbox_audit.config_changes.connector IS 'The connector''s present name; NULL of a mapping.';
COMMENT ON COLUMN outbox_audit.config_changes.version IS 'The version of the connector that the change made; of a mapping the number of its install.';
COMMENT ON COLUMN outbox_audit.config_changes.action IS 'create, edit, enable, disable or remove; of a mapping install or uninstall.';
COMMENT ON COLUMN outbox_audit.config_changes.key IS 'What differs: a field of the connector (headers.X of an own header), or a part of the mapping; NULL: nothing does.';
COMMENT ON COLUMN outbox_audit.config_changes.old IS 'Its value before, as JSON; NULL: it had none. Of a secret only set or none.';
COMMENT ON COLUMN outbox_audit.config_changes.new IS 'Its value since, as JSON; "changed" where one secret took another''s place.';
COMMENT ON COLUMN outbox_audit.config_changes.connector_id IS 'The connector; NULL of a mapping.';
