-- The same secrets under another key: no new version, for nothing that a receiver sees has changed.
UPDATE outbox.connector AS c
SET secret = r.secret, signing_secret = r.signing_secret, signing_secret_old = r.signing_secret_old,
    headers = CAST(r.headers AS jsonb)
FROM unnest(CAST(:ids AS integer[]), CAST(:secrets AS bytea[]), CAST(:signing_secrets AS bytea[]),
            CAST(:signing_secrets_old AS bytea[]), CAST(:headers AS text[]))
     AS r (id, secret, signing_secret, signing_secret_old, headers)
WHERE c.id = r.id
