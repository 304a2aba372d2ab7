-- What waits, by connector, business unit and the hour in which it was routed: how many in all, being sent, behind their
-- lane's head, after an attempt that failed, due for longer than so many seconds; and since when the first of them has been
-- due. OFFSET 0: each delivery is looked up by its key; joined otherwise, all deliveries of a range would be read for the few
-- that wait.
SELECT q.connector_id, coalesce(d.business_unit, '') AS business_unit, date_trunc('hour', d.created_at, 'UTC') AS at,
       count(*) AS waiting, count(*) FILTER (WHERE q.lease_token IS NOT NULL AND q.due_at > now()) AS leased,
       count(*) FILTER (WHERE NOT q.ready) AS blocked, count(*) FILTER (WHERE q.last_error IS NOT NULL) AS failing,
       count(*) FILTER (WHERE q.ready AND q.due_at < now() - make_interval(secs => :late_seconds)) AS overdue,
       min(q.due_at) FILTER (WHERE q.ready) AS due_at, min(d.created_at) AS oldest_at
FROM outbox.queue AS q
CROSS JOIN LATERAL (
  SELECT v.business_unit, v.created_at
  FROM outbox.delivery AS v
  WHERE v.event_id = q.event_id AND v.connector_id = q.connector_id
  OFFSET 0) AS d
WHERE CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[]))
GROUP BY 1, 2, 3
