-- Every ciphertext there is, locked until it is written anew, so that an edit meanwhile is not undone.
SELECT id, name, secret, signing_secret, signing_secret_old, CAST(headers AS text) AS headers
FROM outbox.connector
WHERE removed_at IS NULL
ORDER BY id
FOR UPDATE
