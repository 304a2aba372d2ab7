-- Contracts by the newest of so many events; a rare business unit is not looked for through all history. The last row
-- has no contract: it tells how far the look went.
WITH looked AS MATERIALIZED (
  SELECT e.id, e.occurred_at, e.trigger, e.contract_id, e.business_unit, e.status
  FROM outbox.event AS e
  WHERE CAST(:before AS bigint) IS NULL OR e.id < CAST(:before AS bigint)
  ORDER BY e.id DESC
  LIMIT CAST(:looked AS integer)
)
SELECT l.contract_id, max(l.id) AS event_id, count(*) AS events, max(l.occurred_at) AS occurred_at,
       (array_agg(l.trigger ORDER BY l.id DESC))[1] AS trigger,
       (array_agg(l.business_unit ORDER BY l.id DESC))[1] AS business_unit,
       (array_agg(l.status ORDER BY l.id DESC))[1] AS status, NULL::bigint AS looked
FROM looked AS l
WHERE (CAST(:within AS text[]) IS NULL OR l.business_unit = ANY (CAST(:within AS text[])))
  AND (CAST(:business_unit AS text) IS NULL OR l.business_unit = CAST(:business_unit AS text))
GROUP BY l.contract_id
UNION ALL
SELECT NULL, min(l.id), NULL, (array_agg(l.occurred_at ORDER BY l.id))[1], NULL, NULL, NULL, count(*) FROM looked AS l
ORDER BY looked NULLS FIRST, event_id DESC
