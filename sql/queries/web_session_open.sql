-- A session from now on; those that are over go with it.
WITH over AS (DELETE FROM outbox.web_session WHERE expires_at <= clock_timestamp())
INSERT INTO outbox.web_session (hash, user_id, address, expires_at)
VALUES (:hash, :user_id, :address, clock_timestamp() + make_interval(secs => :seconds))
