-- How many deliveries wait for each of these connectors, in sight, counted among the oldest so many; `looked_at` says whether
-- there are more of them.
SELECT k.connector_id, count(*) FILTER (WHERE w.sees) AS waiting, count(*) AS looked_at
FROM unnest(CAST(:connector_ids AS integer[])) AS k (connector_id)
CROSS JOIN LATERAL (
  SELECT CAST(:within AS text[]) IS NULL OR coalesce((
           SELECT d.business_unit FROM outbox.delivery AS d WHERE d.event_id = q.event_id AND d.connector_id = q.connector_id
           OFFSET 0) = ANY (CAST(:within AS text[])), false) AS sees
  FROM (SELECT w.event_id, w.connector_id FROM outbox.queue AS w WHERE w.connector_id = k.connector_id
        ORDER BY w.event_id LIMIT :most) AS q) AS w
GROUP BY k.connector_id
