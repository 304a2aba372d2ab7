-- Every token that is not revoked, by name.
SELECT t.id, t.name, t.hint, t.role, t.business_units, t.created_at, t.created_by, t.expires_at, t.used_at,
       coalesce(t.expires_at <= clock_timestamp(), false) AS expired
FROM outbox.api_token t
WHERE t.revoked_at IS NULL
ORDER BY lower(t.name)
