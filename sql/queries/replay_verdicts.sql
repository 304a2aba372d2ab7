-- What a replay of each delivery would do, or why it is refused; asked before it is done and again under the locks.
-- A delivery that doesn't exist gives no row. `head` is the event at the head of the lane that a blocked one waits in.
SELECT k.event_id, k.connector_id, c.name AS connector, d.contract_id, head.event_id AS head,
       CASE WHEN d.kind = 'test' THEN 'test'
            WHEN c.removed_at IS NOT NULL THEN 'removed'
            WHEN NOT c.enabled THEN 'disabled'
            WHEN d.body IS NULL AND EXISTS (SELECT FROM outbox.erasure e
                                            WHERE e.contract_id = d.contract_id AND e.erased_at >= d.created_at) THEN 'erased'
            WHEN d.body IS NULL THEN 'no_body'
            WHEN q.event_id IS NULL THEN 'again'
            WHEN q.lease_token IS NOT NULL AND q.due_at > clock_timestamp() THEN 'leased'
            WHEN NOT q.ready THEN 'blocked'
            WHEN q.due_at > clock_timestamp() THEN 'forward'
            ELSE 'due' END AS verdict
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS k (event_id, connector_id)
JOIN outbox.delivery d ON d.event_id = k.event_id AND d.connector_id = k.connector_id
JOIN outbox.connector c ON c.id = k.connector_id
LEFT JOIN outbox.queue q ON q.connector_id = k.connector_id AND q.event_id = k.event_id
LEFT JOIN LATERAL (
  SELECT h.event_id FROM outbox.queue h
  WHERE h.contract_id = q.contract_id AND h.connector_id = q.connector_id AND NOT q.ready
  ORDER BY h.position LIMIT 1) AS head ON true
ORDER BY k.event_id, k.connector_id
