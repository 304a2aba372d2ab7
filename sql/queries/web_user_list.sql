-- Everybody who may sign in, by name.
SELECT u.id, u.name, u.role, u.business_units, u.created_at, u.created_by, u.password_changed_at,
       (SELECT max(s.created_at) FROM outbox.web_session s WHERE s.user_id = u.id) AS signed_in_at
FROM outbox.web_user u
WHERE u.removed_at IS NULL
ORDER BY lower(u.name)
