-- A connector's versions, newest first, from one on downwards; the one before the last of them comes too, to tell what changed.
SELECT v.version, v.action, v.changed_at, v.changed_by, v.origin, CAST(v.spec AS text) AS spec
FROM outbox.connector_version AS v
JOIN outbox.connector AS c ON c.id = v.connector_id
WHERE v.connector_id = :connector_id AND (CAST(:below AS integer) IS NULL OR v.version < CAST(:below AS integer))
  AND (CAST(:within AS text[]) IS NULL OR c.business_units && (CAST(:within AS text[]) || CAST('*' AS text)))
ORDER BY v.version DESC
LIMIT :most
