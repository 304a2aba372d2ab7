-- Connectors that a running daemon has no key for.
SELECT c.name AS connector, u.worker
FROM outbox_audit.unopened u
JOIN outbox.connector c ON c.id = u.connector_id
WHERE c.removed_at IS NULL AND c.enabled
ORDER BY c.name, u.worker
