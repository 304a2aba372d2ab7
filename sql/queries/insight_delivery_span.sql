-- Which events the deliveries of a stretch of time belong to, where these are fewer than so many; no row is read.
SELECT count(*) AS deliveries, min(s.event_id) AS first_id, max(s.event_id) AS last_id
FROM (SELECT d.event_id FROM outbox.delivery d
      WHERE d.created_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
        AND d.created_at < coalesce(CAST(:until AS timestamptz), 'infinity')
      LIMIT CAST(:most AS integer)) AS s
