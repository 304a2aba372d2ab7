-- Lanes that stand as their connector's former order had them: blocked though it has none now, or ready behind the
-- first row though it has. Of connectors changed within a day only: else each sweep would read the whole queue.
-- What is leased stays as it is: it is being sent.
SELECT q.connector_id, q.contract_id
FROM outbox.connector c
JOIN outbox.queue q ON q.connector_id = c.id
WHERE c.updated_at > clock_timestamp() - interval '1 day'
GROUP BY c.lane_order, q.connector_id, q.contract_id
HAVING CASE c.lane_order
         WHEN 'none' THEN NOT bool_and(q.ready)
         ELSE max(q.position) FILTER (WHERE q.ready AND q.lease_token IS NULL) > min(q.position) END
LIMIT CAST(:most AS bigint)
