-- Shares are looked at and written by one worker at a time: a statement of its own, so that the next one sees what
-- the last holder wrote.
SELECT pg_advisory_xact_lock(7231003)
