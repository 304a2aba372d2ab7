-- The owner's floor of retention, and whether so many days (0: for ever) are below it.
SELECT CAST(r.keep_at_least AS text) AS floor,
       CAST(:days AS integer) > 0 AND make_interval(days => CAST(:days AS integer)) < r.keep_at_least AS below
FROM outbox.retention AS r
