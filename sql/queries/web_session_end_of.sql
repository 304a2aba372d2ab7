-- Ends a person's sessions, but the one of this hash where one is given.
DELETE FROM outbox.web_session WHERE user_id = :id AND hash IS DISTINCT FROM CAST(:but AS bytea) RETURNING 1
