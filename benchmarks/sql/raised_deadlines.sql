-- Every deadline that is past was raised.
INSERT INTO outbox.expiry (contract_id, deadline, event_id)
SELECT CAST(c.id AS text), c.expires_at, c.id FROM contract c WHERE c.expires_at <= now()
