-- Notes that the token is used, once a minute: calls of one token don't wait for one another.
UPDATE outbox.api_token t SET used_at = clock_timestamp()
WHERE t.id = (SELECT o.id FROM outbox.api_token o
              WHERE o.id = :id AND (o.used_at IS NULL OR o.used_at < clock_timestamp() - interval '1 minute')
              FOR UPDATE SKIP LOCKED)
