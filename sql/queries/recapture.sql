-- The next recorded failures after this one, each tried by itself; last_id is NULL where none is left.
SELECT r.last_id, r.recaptured, r.failed
FROM outbox.recapture(:after, :most) AS r
