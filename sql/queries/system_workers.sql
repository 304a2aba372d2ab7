-- Workers that live, or were seen within a week, the latest first: since when, their last sign of life, and how many
-- sends to how many connectors they may have under way. One that said nothing for a minute is taken for gone.
SELECT w.name, w.host, w.pid, w.version, w.transport, w.started_at, w.seen_at, w.stopped_at,
       w.stopped_at IS NULL AND w.seen_at > clock_timestamp() - interval '1 minute' AS alive,
       w.clock_ahead AS clock_ahead_seconds,
       coalesce(s.connectors, 0) AS connectors, coalesce(s.slots, 0) AS slots,
       ARRAY(SELECT c.name FROM outbox.connector c WHERE c.id = ANY (w.unopened) ORDER BY c.name) AS unopened
FROM outbox.worker w
LEFT JOIN (SELECT h.worker, count(*) AS connectors, sum(h.slots) AS slots FROM outbox.share h GROUP BY h.worker) AS s
  ON s.worker = w.name
WHERE w.stopped_at IS NULL OR w.seen_at > clock_timestamp() - interval '7 days'
ORDER BY alive DESC, w.seen_at DESC
LIMIT :most
