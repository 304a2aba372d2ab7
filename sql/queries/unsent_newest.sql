-- The newest event, up to this one, that something was decided against: what lies between needs no look. Ordered as the
-- index of such decisions is, also where no connector is named.
SELECT max(newest.event_id) AS event_id
FROM (
  (SELECT n.event_id FROM outbox.decision AS n
   WHERE n.connector_id IS NULL AND n.reason NOT IN ('deliver', 'backfill')
     AND n.event_id <= CAST(:before AS bigint)
   ORDER BY n.connector_id DESC, n.event_id DESC LIMIT 1)
  UNION ALL
  SELECT its.event_id
  FROM outbox.connector AS c
  CROSS JOIN LATERAL (
    SELECT n.event_id FROM outbox.decision AS n
    WHERE n.connector_id = c.id AND n.reason NOT IN ('deliver', 'backfill') AND n.event_id <= CAST(:before AS bigint)
    ORDER BY n.event_id DESC LIMIT 1) AS its
) AS newest
