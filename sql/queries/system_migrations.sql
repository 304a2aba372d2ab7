-- Which migrations stand, the latest first.
SELECT m.number, m.name, m.applied_at FROM outbox_audit.migrations m ORDER BY m.number DESC
