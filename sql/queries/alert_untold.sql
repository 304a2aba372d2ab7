-- What the hook did not take when it was last sent, the age of the oldest, and the latest reason.
SELECT count(*) AS waiting,
       coalesce(CAST(extract(epoch FROM clock_timestamp() - min(coalesce(a.ended_at, a.began_at))) AS double precision), 0)
         AS age,
       (array_agg(a.last_error ORDER BY a.tried_at DESC))[1] AS error
FROM outbox.alert a
WHERE a.closed_at IS NULL AND a.last_error IS NOT NULL
