-- A worker that left in good order: its shares are free at once. A send that it gave up ends with its process, a moment
-- later: who waited for that moment would let a successor wait for a whole timeout.
WITH left_over AS (
  DELETE FROM outbox.share WHERE worker = :name
)
UPDATE outbox.worker SET seen_at = clock_timestamp(), stopped_at = clock_timestamp() WHERE name = :name
