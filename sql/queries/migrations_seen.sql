-- Which migrations stand, for one who may read views alone.
SELECT number, sha256 FROM outbox_audit.migrations ORDER BY number
