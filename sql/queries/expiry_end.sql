-- The end of a scan, by whoever still has its lease: how far it came, and when to look next.
UPDATE outbox.expiry_scan AS s
SET scanned_to = greatest(s.scanned_to, CAST(:until AS timestamptz)),
    swept_at = CASE WHEN :swept THEN CAST(:until AS timestamptz) ELSE s.swept_at END,
    due_at = :due_at, worker = NULL, ended_at = clock_timestamp(), seconds = :seconds, raised = :raised
WHERE s.worker = :worker
