-- The newest `expired` events of so many that are looked at, newest first; by an index of their own. The last row has no
-- contract: it tells how far the look went, and over how many.
WITH looked AS MATERIALIZED (
  SELECT e.id, e.occurred_at, e.contract_id, e.business_unit, e.status
  FROM outbox.event AS e
  WHERE e.trigger = 'expired' AND (CAST(:before AS bigint) IS NULL OR e.id < CAST(:before AS bigint))
  ORDER BY e.id DESC
  LIMIT CAST(:looked AS integer)
)
(SELECT l.id AS event_id, l.occurred_at AS deadline, l.contract_id, l.business_unit, l.status, NULL::bigint AS looked
 FROM looked AS l
 WHERE (CAST(:within AS text[]) IS NULL OR l.business_unit = ANY (CAST(:within AS text[])))
   AND (CAST(:business_unit AS text) IS NULL OR l.business_unit = CAST(:business_unit AS text))
 ORDER BY l.id DESC
 LIMIT CAST(:most AS integer))
UNION ALL
SELECT min(l.id), NULL, NULL, NULL, NULL, count(*) FROM looked AS l
ORDER BY looked NULLS FIRST, event_id DESC
