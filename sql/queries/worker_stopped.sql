-- A worker that left in good order: nothing of it is in flight any more, and its shares are free at once.
WITH left_over AS (
  DELETE FROM outbox.share WHERE worker = :name
)
UPDATE outbox.worker SET seen_at = clock_timestamp(), stopped_at = clock_timestamp() WHERE name = :name
