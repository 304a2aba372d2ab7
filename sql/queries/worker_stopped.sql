-- A worker that left in good order.
UPDATE outbox.worker SET seen_at = clock_timestamp(), stopped_at = clock_timestamp() WHERE name = :name
