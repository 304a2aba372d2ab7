-- Compare-and-set: of all workers on all hosts one scans, when it is due or a person asks for it. `due_at` is its lease
-- meanwhile; a worker that stopped, gives no sign, or comes again itself holds it no longer.
UPDATE outbox.expiry_scan AS s
SET due_at = clock_timestamp() + make_interval(secs => :lease_seconds), worker = :worker
WHERE s.due_at <= clock_timestamp() OR :asked OR s.worker = :worker
   OR EXISTS (SELECT FROM outbox.worker AS w
              WHERE w.name = s.worker
                AND (w.stopped_at IS NOT NULL
                     OR w.seen_at < clock_timestamp() - make_interval(secs => greatest(30, w.share_seconds))))
RETURNING s.since, s.scanned_to, s.swept_at, clock_timestamp() AS now
