-- Goes on with a scan; no row where its lease was taken over, or the mapping was installed anew.
UPDATE outbox.expiry_scan AS s SET due_at = clock_timestamp() + make_interval(secs => :lease_seconds)
WHERE s.worker = :worker
RETURNING s.due_at
