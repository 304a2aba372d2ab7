-- A connector's newest deliveries, in sight, tests left out, with how the last attempt of each ended. Looked for among its
-- newest so many, by index.
SELECT d.event_id, d.trigger, d.contract_id, d.business_unit, d.created_at, d.state, d.attempts, d.kind, d.replaying,
       l.started_at AS last_at, l.outcome AS last_outcome, l.status_code AS last_status, l.duration_ms, l.words AS last_words
FROM (
  SELECT n.event_id
  FROM (SELECT o.event_id, o.business_unit, o.kind FROM outbox.delivery AS o
        WHERE o.connector_id = :connector_id ORDER BY o.event_id DESC LIMIT :most) AS n
  WHERE n.kind <> 'test' AND (CAST(:within AS text[]) IS NULL OR n.business_unit = ANY (CAST(:within AS text[])))
  ORDER BY n.event_id DESC
  LIMIT :shown) AS k
JOIN outbox_audit.deliveries AS d ON d.event_id = k.event_id AND d.connector_id = :connector_id
LEFT JOIN LATERAL (
  SELECT t.started_at, t.outcome, t.status_code, t.duration_ms,
         CASE WHEN t.outcome <> 'ok' THEN coalesce(t.error, 'HTTP ' || t.status_code, t.outcome) END AS words
  FROM outbox.attempt AS t
  WHERE t.event_id = d.event_id AND t.connector_id = d.connector_id AND NOT t.late
  ORDER BY t.number DESC
  LIMIT 1) AS l ON true
ORDER BY d.event_id DESC
