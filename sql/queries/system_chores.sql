-- When each periodic job had its last turn, on whatever host; a job that never had one has no moment.
SELECT p.name, nullif(p.last_run, '-infinity') AS last_run FROM outbox.periodic p ORDER BY p.name
