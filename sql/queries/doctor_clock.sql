-- The database's time now, and how far in its future some worker was seen: only a clock that was put back does that.
SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision) AS now,
       coalesce(CAST(extract(epoch FROM (SELECT max(w.seen_at) FROM outbox.worker AS w) - clock_timestamp())
                     AS double precision), 0) AS behind
