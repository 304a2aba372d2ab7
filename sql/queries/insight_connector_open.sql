-- How a connector's open deliveries stand, in sight, counted among the oldest so many; states as outbox_audit.deliveries has
-- them. `sends` says whether the connector does. A scalar look-up, not a join: that would read all its deliveries.
SELECT o.looked_at, o.waiting, o.leased, o.pending, o.blocked, o.held, d.created_at AS oldest_at
FROM (
  SELECT count(*) AS looked_at, count(*) FILTER (WHERE w.sees) AS waiting,
         count(*) FILTER (WHERE w.sees AND w.leased) AS leased,
         count(*) FILTER (WHERE w.sees AND NOT w.leased AND CAST(:sends AS boolean) AND w.ready) AS pending,
         count(*) FILTER (WHERE w.sees AND NOT w.leased AND CAST(:sends AS boolean) AND NOT w.ready) AS blocked,
         count(*) FILTER (WHERE w.sees AND NOT w.leased AND NOT CAST(:sends AS boolean)) AS held,
         min(w.event_id) FILTER (WHERE w.sees) AS oldest
  FROM (
    SELECT q.event_id, q.ready, q.lease_token IS NOT NULL AND q.due_at > now() AS leased,
           CAST(:within AS text[]) IS NULL OR coalesce((
             SELECT d.business_unit FROM outbox.delivery AS d WHERE d.event_id = q.event_id AND d.connector_id = q.connector_id
             OFFSET 0) = ANY (CAST(:within AS text[])), false) AS sees
    FROM (SELECT w.event_id, w.connector_id, w.ready, w.lease_token, w.due_at FROM outbox.queue AS w
          WHERE w.connector_id = :connector_id ORDER BY w.event_id LIMIT :most) AS q
    OFFSET 0) AS w) AS o
LEFT JOIN outbox.delivery AS d ON d.event_id = o.oldest AND d.connector_id = :connector_id
