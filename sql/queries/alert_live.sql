-- Alerts of which something may be to tell still, and the time now. Few: the rest is history.
SELECT a.id, a.rule, a.subject, a.severity, a.title, a.words, a.mend, CAST(a.facts AS text) AS facts, a.began_at,
       a.gone_at, a.ended_at, a.told, a.told_at, a.tried_at, a.last_error, clock_timestamp() AS now
FROM outbox.alert a
WHERE a.closed_at IS NULL
ORDER BY a.id
