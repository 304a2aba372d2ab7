-- Whose session this is, with the role and limits of this moment; no row when it is over or its person removed.
SELECT u.id, u.name, u.role, u.business_units
FROM outbox.web_session s
JOIN outbox.web_user u ON u.id = s.user_id
WHERE s.hash = :hash AND s.expires_at > clock_timestamp() AND u.removed_at IS NULL
