-- Which migrations stand, for one who may read views alone.
SELECT number, sha256, oldest FROM outbox_audit.migrations ORDER BY number
