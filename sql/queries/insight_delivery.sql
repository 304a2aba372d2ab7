-- One delivery, a test too, with its event, its connector as it is now, why it was routed to it, and the beginning of its
-- report. What isn't within the asker's business units gives no row, as what doesn't exist.
SELECT d.event_id, d.connector_id, c.connector, d.connector_version, d.contract_id, d.business_unit, d.trigger, d.kind,
       coalesce(v.state, 'test') AS state, v.attempts, v.due_at, d.created_at, v.finished_at, v.last_error, v.blocked_by,
       v.worker, v.replaying, d.content_type, octet_length(d.body) AS size,
       substring(d.body FROM 1 FOR CAST(:most AS integer)) AS body,
       d.body IS NULL AND EXISTS (SELECT FROM outbox.erasure r
                                  WHERE r.contract_id = d.contract_id AND r.erased_at >= d.created_at) AS erased,
       e.occurred_at, e.status, n.words AS decided, n.decided_at,
       c.state AS connector_state, c.state_reason, c.next_probe_at, c.username, c.has_secret, c.ssl_verification,
       c.max_in_flight, c.lane_order, q.leased_at
FROM outbox.delivery d
JOIN outbox_audit.connectors c ON c.connector_id = d.connector_id
LEFT JOIN outbox.queue q ON q.connector_id = d.connector_id AND q.event_id = d.event_id
LEFT JOIN outbox.event e ON e.id = d.event_id
LEFT JOIN LATERAL (SELECT o.* FROM outbox_audit.deliveries o
                   WHERE o.event_id = d.event_id AND o.connector_id = d.connector_id OFFSET 0) AS v ON true
LEFT JOIN LATERAL (SELECT o.words, o.decided_at FROM outbox_audit.decisions o
                   WHERE o.event_id = d.event_id AND o.connector_id = d.connector_id
                   ORDER BY o.decided_at DESC LIMIT 1) AS n ON true
WHERE d.event_id = :event_id AND d.connector_id = :connector_id
  AND (CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[])))
