-- Compare-and-set: of all workers on all hosts one scans, when it is due or a person asks for it. `due_at` is its lease
-- meanwhile, so that a worker which dies is followed by another.
UPDATE outbox.expiry_scan AS s SET due_at = clock_timestamp() + make_interval(secs => :lease_seconds), worker = :worker
WHERE s.due_at <= clock_timestamp() OR :asked
RETURNING s.since, s.scanned_to, s.swept_at, clock_timestamp() AS now
