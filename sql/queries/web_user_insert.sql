-- Adds a person; no row when somebody has the name already, however it is written.
INSERT INTO outbox.web_user (name, role, business_units, password_hash, created_by)
VALUES (:name, :role, CAST(:business_units AS text[]), :password_hash, :created_by)
ON CONFLICT (lower(name)) WHERE removed_at IS NULL DO NOTHING
RETURNING id
