-- This worker's shares that changed; only under the lock.
WITH changed AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:connector_ids AS integer[]), CAST(:slots AS integer[])) AS c (connector_id, slots)
), ended AS (
  DELETE FROM outbox.share AS s USING changed AS c
  WHERE s.worker = :worker AND s.connector_id = c.connector_id AND c.slots = 0
)
INSERT INTO outbox.share (worker, connector_id, slots)
SELECT :worker, c.connector_id, c.slots FROM changed AS c WHERE c.slots > 0
ON CONFLICT (worker, connector_id) DO UPDATE SET slots = excluded.slots
