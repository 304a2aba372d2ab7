-- The same password under newer parameters.
UPDATE outbox.web_user SET password_hash = :password_hash WHERE id = :id
