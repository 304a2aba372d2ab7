-- What became of these events at one connector: the state of the delivery, else the decision in words, else nothing.
SELECT asked.event_id, d.state, d.finished_at,
       outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread) AS decided,
       EXISTS (SELECT FROM outbox.decision r WHERE r.event_id = asked.event_id) AS routed
FROM unnest(CAST(:event_ids AS bigint[])) AS asked (event_id)
JOIN outbox.event e ON e.id = asked.event_id
LEFT JOIN outbox_audit.deliveries d ON d.event_id = asked.event_id AND d.connector_id = :connector_id
LEFT JOIN LATERAL (
  SELECT r.reason, r.into_event_id, r.reread
  FROM outbox.decision r
  WHERE r.event_id = asked.event_id AND (r.connector_id = :connector_id OR r.connector_id IS NULL)
  ORDER BY r.connector_id IS NULL, r.decided_at DESC
  LIMIT 1) AS n ON true
