-- Ends the shares of workers that left or vanished so long ago that nothing they started can still be in flight (an
-- exchange lasts the connector's timeout, the right to start share_seconds), and those of removed connectors.
DELETE FROM outbox.share AS s
WHERE NOT EXISTS (
  SELECT
  FROM outbox.worker AS w
  JOIN outbox.connector AS c ON c.id = s.connector_id AND c.removed_at IS NULL
  WHERE w.name = s.worker
    AND coalesce(w.stopped_at, w.seen_at + make_interval(secs => w.share_seconds))
      > clock_timestamp() - make_interval(secs => c.timeout_seconds))
