-- When each periodic job last had its turn, as seconds since 1970; one that never had is left out.
SELECT p.name, CAST(extract(epoch FROM p.last_run) AS double precision) AS last_run
FROM outbox.periodic p
WHERE p.last_run > '-infinity'
