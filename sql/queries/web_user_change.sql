-- Another role and other limits; no row when nobody has that id.
UPDATE outbox.web_user SET role = :role, business_units = CAST(:business_units AS text[])
WHERE id = :id AND removed_at IS NULL
RETURNING name
