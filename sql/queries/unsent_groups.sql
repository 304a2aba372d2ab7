-- Of a stretch of event ids: what went to nobody at all, by reason, business unit and trigger, with the newest ids of
-- each. A reason that holds for the event itself stands alone; of its connectors' reasons `discarded` is told first.
WITH unsent AS MATERIALIZED (
  SELECT n.event_id,
         coalesce(min(n.reason) FILTER (WHERE n.connector_id IS NULL), min(n.reason)) AS reason
  FROM outbox.decision AS n
  WHERE n.event_id > CAST(:after AS bigint) AND n.event_id <= CAST(:before AS bigint)
  GROUP BY n.event_id
  HAVING bool_and(n.reason NOT IN ('deliver', 'backfill'))
)
SELECT u.reason, e.business_unit, e.trigger, count(*) AS events, min(e.occurred_at) AS first_at,
       max(e.occurred_at) AS last_at, (array_agg(u.event_id ORDER BY u.event_id DESC))[1:CAST(:most AS integer)] AS newest
FROM unsent AS u
JOIN outbox.event AS e ON e.id = u.event_id
WHERE u.reason = ANY (CAST(:reasons AS text[]))
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
  AND (CAST(:business_unit AS text) IS NULL OR e.business_unit = CAST(:business_unit AS text))
  AND (CAST(:trigger AS text) IS NULL OR e.trigger = CAST(:trigger AS text))
GROUP BY u.reason, e.business_unit, e.trigger
ORDER BY count(*) DESC, u.reason, e.business_unit, e.trigger
