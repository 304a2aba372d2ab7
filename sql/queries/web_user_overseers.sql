-- Admins who aren't limited, locked until the end of the transaction: of two who take one away each, the second sees the
-- first's deed.
SELECT u.id
FROM outbox.web_user u
WHERE u.role = 'admin' AND u.business_units IS NULL AND u.removed_at IS NULL
ORDER BY u.id
FOR UPDATE
