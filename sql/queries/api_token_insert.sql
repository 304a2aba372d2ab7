-- Adds a token; no row when one that is not revoked has the name.
INSERT INTO outbox.api_token (name, hash, hint, role, business_units, created_by, expires_at)
VALUES (:name, :hash, :hint, :role, CAST(:business_units AS text[]), :created_by,
        clock_timestamp() + make_interval(secs => CAST(:seconds AS double precision)))
ON CONFLICT (lower(name)) WHERE revoked_at IS NULL DO NOTHING
RETURNING id
