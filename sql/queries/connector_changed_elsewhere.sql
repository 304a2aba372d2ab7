-- For each connector the changes that came after the last one made as code: who, when, from where.
SELECT v.connector_id, v.version, v.action, v.changed_at, v.changed_by, v.origin
FROM outbox.connector AS c
JOIN outbox.connector_version AS v ON v.connector_id = c.id
WHERE c.removed_at IS NULL
  AND v.origin <> 'code'
  AND v.version > coalesce((SELECT max(last.version) FROM outbox.connector_version AS last
                            WHERE last.connector_id = c.id AND last.origin = 'code'), 0)
ORDER BY v.connector_id, v.version
