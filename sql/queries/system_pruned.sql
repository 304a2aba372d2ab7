-- Ranges that were dropped on purpose, the latest first.
SELECT p.first_event_id, p.last_event_id, p.newest_at, p.pruned_at FROM outbox_audit.pruned p
ORDER BY p.pruned_at DESC
LIMIT :most
