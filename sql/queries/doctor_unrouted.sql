-- Notes that wait for routing, counted up to a bound, and the age of the oldest in seconds: ids are given in order of
-- time, so that the oldest is looked for among the first.
SELECT (SELECT count(*) FROM (SELECT FROM outbox.inbox LIMIT :most + 1) AS counted) AS waiting,
       coalesce(CAST(extract(epoch FROM clock_timestamp() - min(i.occurred_at)) AS double precision), 0) AS age
FROM (SELECT n.occurred_at FROM outbox.inbox AS n ORDER BY n.event_id LIMIT 1000) AS i
