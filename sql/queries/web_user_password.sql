-- Another password; no row when nobody has that id.
UPDATE outbox.web_user SET password_hash = :password_hash, password_changed_at = clock_timestamp()
WHERE id = :id AND removed_at IS NULL
RETURNING name
