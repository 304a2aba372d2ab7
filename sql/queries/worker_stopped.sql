-- A worker that left in good order: its shares are free at once, but for those of receivers that still hold a send of it.
WITH left_over AS (
  DELETE FROM outbox.share WHERE worker = :name AND connector_id <> ALL (CAST(:sending AS integer[]))
)
UPDATE outbox.worker SET seen_at = clock_timestamp(), stopped_at = clock_timestamp() WHERE name = :name
