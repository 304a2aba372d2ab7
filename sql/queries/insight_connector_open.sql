-- How a connector's open deliveries stand, in sight, counted among the oldest so many; states as outbox_audit.deliveries has
-- them. `sends` says whether the connector does.
SELECT count(*) AS looked_at, count(*) FILTER (WHERE w.sees) AS waiting,
       count(*) FILTER (WHERE w.sees AND w.leased) AS leased,
       count(*) FILTER (WHERE w.sees AND NOT w.leased AND w.sends AND w.ready) AS pending,
       count(*) FILTER (WHERE w.sees AND NOT w.leased AND w.sends AND NOT w.ready) AS blocked,
       count(*) FILTER (WHERE w.sees AND NOT w.leased AND NOT w.sends) AS held,
       min(w.created_at) FILTER (WHERE w.sees) AS oldest_at
FROM (
  SELECT q.ready, q.lease_token IS NOT NULL AND q.due_at > now() AS leased, CAST(:sends AS boolean) AS sends, d.created_at,
         CAST(:within AS text[]) IS NULL OR coalesce(d.business_unit = ANY (CAST(:within AS text[])), false) AS sees
  FROM (SELECT w.event_id, w.connector_id, w.ready, w.lease_token, w.due_at FROM outbox.queue AS w
        WHERE w.connector_id = :connector_id ORDER BY w.event_id LIMIT :most) AS q
  LEFT JOIN outbox.delivery AS d ON d.event_id = q.event_id AND d.connector_id = q.connector_id) AS w
