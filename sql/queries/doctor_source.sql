-- The mapping that is installed; no row where none is.
SELECT s.installed_at, s.installed_by, jsonb_array_length(s.mapping -> 'capture') AS rules
FROM outbox.source s
WHERE s.removed_at IS NULL
