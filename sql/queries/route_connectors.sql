-- Holds these connectors as they are until the transaction ends, and gives their versions: none is removed, and what
-- waits for it cancelled, between the decision to deliver and the delivery. An edit that is left open is not waited for.
SELECT c.id, c.version
FROM outbox.connector c
WHERE c.id = ANY (CAST(:ids AS integer[])) AND c.removed_at IS NULL
ORDER BY c.id
FOR SHARE NOWAIT
