-- Installs and uninstalls of the mapping, newest first, with the names of the parts that differ from the one before.
SELECT m.changed_at, m.changed_by, m.version, m.action,
       array_agg(m.key ORDER BY m.key) FILTER (WHERE m.key IS NOT NULL) AS keys
FROM outbox_audit.config_changes m
WHERE m.what = 'mapping'
GROUP BY m.changed_at, m.changed_by, m.version, m.action
ORDER BY m.changed_at DESC
LIMIT :most
