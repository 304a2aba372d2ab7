-- The end of a scan that came to none: another goes on, at once or after a while; what it found out is not recorded.
UPDATE outbox.expiry_scan AS s
SET due_at = clock_timestamp() + make_interval(secs => :pause_seconds), worker = NULL
WHERE s.worker = :worker
