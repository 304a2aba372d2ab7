-- When each periodic job last had its turn, as seconds since 1970; one that never had is left out. The scan for
-- deadlines goes by a row of its own: when one last ended, or since when one is wanted.
SELECT p.name, CAST(extract(epoch FROM p.last_run) AS double precision) AS last_run
FROM outbox.periodic AS p
WHERE p.last_run > '-infinity'
UNION ALL
SELECT 'expiry', CAST(extract(epoch FROM coalesce(s.ended_at, i.installed_at)) AS double precision)
FROM outbox.expiry_scan AS s
JOIN outbox.source AS i ON i.removed_at IS NULL
