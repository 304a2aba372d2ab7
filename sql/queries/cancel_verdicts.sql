-- What cancelling each of these deliveries would do: only what waits and is not being sent can be cancelled. A delivery
-- that doesn't exist gives no row.
SELECT k.event_id, k.connector_id, c.name AS connector, d.contract_id,
       CASE WHEN q.event_id IS NULL THEN 'finished'
            WHEN q.lease_token IS NOT NULL AND q.due_at > clock_timestamp() THEN 'leased'
            ELSE 'cancelled' END AS verdict
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS k (event_id, connector_id)
JOIN outbox.delivery d ON d.event_id = k.event_id AND d.connector_id = k.connector_id
JOIN outbox.connector c ON c.id = k.connector_id
LEFT JOIN outbox.queue q ON q.connector_id = k.connector_id AND q.event_id = k.event_id
ORDER BY k.event_id, k.connector_id
