-- The token of this hash while it holds; at most one.
SELECT t.id, t.name, t.role, t.business_units,
       t.used_at IS NULL OR t.used_at < clock_timestamp() - interval '1 minute' AS unnoted
FROM outbox.api_token t
WHERE t.hash = :hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())
