-- Queues finished deliveries once more, at the end of their lanes, numbering going on where it stood. Runs under the
-- share locks of their connectors, so that none is removed or disabled meanwhile, and the lane locks of their
-- contracts; only the first open row of an ordered lane is ready. Who is queued already stays as it is: two clicks are
-- one replay.
WITH finished AS MATERIALIZED (
  SELECT d.event_id, d.connector_id, d.contract_id, c.lane_order,
         row_number() OVER (PARTITION BY d.connector_id, d.contract_id ORDER BY d.event_id) AS place
  FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS k (event_id, connector_id)
  JOIN outbox.connector c ON c.id = k.connector_id AND c.removed_at IS NULL AND c.enabled
  JOIN outbox.delivery d ON d.event_id = k.event_id AND d.connector_id = k.connector_id
  WHERE d.body IS NOT NULL AND d.kind <> 'test'
    AND NOT EXISTS (SELECT FROM outbox.queue q WHERE q.connector_id = k.connector_id AND q.event_id = k.event_id)
)
INSERT INTO outbox.queue (connector_id, event_id, contract_id, position, ready, due_at, kind, attempts)
SELECT f.connector_id, f.event_id, f.contract_id, nextval('outbox.queue_position'),
       f.lane_order = 'none' OR (f.place = 1 AND NOT EXISTS (
         SELECT FROM outbox.queue q WHERE q.contract_id = f.contract_id AND q.connector_id = f.connector_id)),
       clock_timestamp(), 'replay',
       (SELECT coalesce(max(t.number), 0) FROM outbox.attempt t
        WHERE t.event_id = f.event_id AND t.connector_id = f.connector_id)
FROM (SELECT * FROM finished ORDER BY event_id, connector_id) AS f
ON CONFLICT (connector_id, event_id) DO NOTHING
RETURNING event_id, connector_id
