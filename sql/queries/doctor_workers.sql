-- Daemons that have not stopped, or were seen within a week: age of their last sign of life in seconds. One that vanished
-- and that another on its host has followed is no fault any more.
SELECT w.name, w.host, w.pid, w.version, w.stopped_at IS NOT NULL AS stopped, w.clock_ahead,
       CAST(extract(epoch FROM clock_timestamp() - w.seen_at) AS double precision) AS age
FROM outbox.worker w
WHERE (w.stopped_at IS NULL OR w.seen_at > clock_timestamp() - interval '7 days')
  AND NOT (w.stopped_at IS NULL AND EXISTS (
    SELECT FROM outbox.worker n WHERE n.host = w.host AND n.stopped_at IS NULL AND n.started_at > w.seen_at))
ORDER BY w.seen_at DESC
