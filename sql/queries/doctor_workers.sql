-- Daemons that have not stopped, or were seen within a week: age of their last sign of life in seconds.
SELECT w.name, w.host, w.pid, w.version, w.stopped_at IS NOT NULL AS stopped,
       CAST(extract(epoch FROM clock_timestamp() - w.seen_at) AS double precision) AS age
FROM outbox.worker w
WHERE w.stopped_at IS NULL OR w.seen_at > clock_timestamp() - interval '7 days'
ORDER BY w.seen_at DESC
