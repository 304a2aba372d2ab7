-- Ends the shares of workers that left or vanished so long ago that nothing they started can still be in flight (an
-- exchange lasts the connector's timeout, the right to start share_seconds), and those of removed connectors.
DELETE FROM outbox.share AS s
WHERE NOT EXISTS (
  SELECT
  FROM outbox.worker AS w
  JOIN outbox.connector AS c ON c.id = s.connector_id AND c.removed_at IS NULL
  WHERE w.name = s.worker AND w.stopped_at IS NULL
    AND w.seen_at > clock_timestamp() - make_interval(secs => w.share_seconds + c.timeout_seconds))
