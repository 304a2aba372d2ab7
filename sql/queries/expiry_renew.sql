-- Goes on with a scan; no row where its lease was taken over, or the mapping was installed anew. Longer than
-- `unseen_seconds` only for a worker whose death would be seen.
UPDATE outbox.expiry_scan AS s
SET due_at = clock_timestamp() + make_interval(secs =>
  CASE WHEN EXISTS (SELECT FROM outbox.worker AS w WHERE w.name = s.worker AND w.stopped_at IS NULL)
    THEN CAST(:lease_seconds AS double precision)
    ELSE least(CAST(:lease_seconds AS double precision), CAST(:unseen_seconds AS double precision)) END)
WHERE s.worker = :worker
RETURNING s.due_at
