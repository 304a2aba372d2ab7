-- The scan as it stands, and the database's time; no row where no [expired] is installed.
SELECT s.since, s.scanned_to, s.swept_at, s.due_at, s.ended_at, s.seconds, s.raised, clock_timestamp() AS now
FROM outbox.expiry_scan AS s
