-- A connector's history, newest first.
SELECT version, action, changed_at, changed_by, origin, CAST(spec AS text) AS spec
FROM outbox.connector_version
WHERE connector_id = :connector_id
ORDER BY version DESC
LIMIT :limit
