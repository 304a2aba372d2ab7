-- Ends a token; no row when it is ended or was never there.
UPDATE outbox.api_token SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL RETURNING name
