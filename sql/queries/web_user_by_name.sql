-- The person of this name, however it is written, with what the password is held against; at most one.
SELECT u.id, u.name, u.role, u.business_units, u.password_hash
FROM outbox.web_user u
WHERE lower(u.name) = lower(:name) AND u.removed_at IS NULL
