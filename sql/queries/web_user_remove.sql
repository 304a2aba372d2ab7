-- Somebody who may sign in no more; the row stays. No row when nobody has that id.
UPDATE outbox.web_user SET removed_at = clock_timestamp() WHERE id = :id AND removed_at IS NULL RETURNING name
