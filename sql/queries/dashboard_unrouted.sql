-- Events that are not routed, oldest first: how many (of more than 100,000 no more are counted), and since when.
SELECT count(*) AS events, min(n.occurred_at) AS oldest_at
FROM (
  SELECT i.occurred_at
  FROM outbox.inbox AS i
  WHERE CAST(:within AS text[]) IS NULL OR EXISTS (
    SELECT FROM outbox.event AS e WHERE e.id = i.event_id AND e.business_unit = ANY (CAST(:within AS text[])))
  ORDER BY i.event_id
  LIMIT 100001) AS n
