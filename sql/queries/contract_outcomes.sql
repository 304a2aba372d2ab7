-- What was decided for these events, at most so many decisions each, and what came of what was to be sent: its state and
-- its latest try. Each look-up is one by the event's key. What heads its lane may be another business unit's, since a
-- contract may move: then it is not told.
SELECT n.event_id, n.connector_id, n.connector, n.reason, n.words, n.into_event_id, n.reread, n.decided_at,
       d.state, d.attempts, d.due_at, d.finished_at, d.last_error, d.replaying,
       CASE WHEN CAST(:within AS text[]) IS NULL
                 OR EXISTS (SELECT FROM outbox.event AS head WHERE head.id = d.blocked_by
                                                          AND head.business_unit = ANY (CAST(:within AS text[])))
            THEN d.blocked_by END AS blocked_by,
       a.outcome, a.status_code, a.duration_ms
FROM outbox.event AS e
CROSS JOIN LATERAL (
  SELECT * FROM outbox_audit.decisions AS o
  WHERE o.event_id = e.id
  ORDER BY o.connector_id NULLS FIRST, o.decided_at
  LIMIT CAST(:most AS integer)) AS n
LEFT JOIN LATERAL (
  SELECT * FROM outbox_audit.deliveries AS o
  WHERE o.event_id = n.event_id AND o.connector_id = n.connector_id AND n.reason IN ('deliver', 'backfill') OFFSET 0) AS d
  ON true
LEFT JOIN LATERAL (
  SELECT t.outcome, t.status_code, t.duration_ms FROM outbox.attempt AS t
  WHERE t.event_id = d.event_id AND t.connector_id = d.connector_id AND NOT t.late
  ORDER BY t.number DESC LIMIT 1) AS a ON true
WHERE e.id = ANY (CAST(:event_ids AS bigint[]))
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
ORDER BY n.event_id DESC, n.connector_id NULLS FIRST, n.decided_at
