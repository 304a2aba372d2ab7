-- What a form needs of a connector's history: the version it was read at, and every later one, oldest first.
SELECT version, action, changed_at, changed_by, origin, CAST(spec AS text) AS spec
FROM outbox.connector_version
WHERE connector_id = :connector_id AND version >= :version
ORDER BY version
