-- Notes that wait for routing, and the age of the oldest in seconds.
SELECT count(*) AS waiting,
       coalesce(CAST(extract(epoch FROM clock_timestamp() - min(i.occurred_at)) AS double precision), 0) AS age
FROM outbox.inbox i
