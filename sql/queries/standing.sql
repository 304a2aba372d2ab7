-- How the outbox stands, by what an index tells at once: the age of the oldest note, and workers that live.
SELECT coalesce((SELECT CAST(extract(epoch FROM clock_timestamp() - i.occurred_at) AS double precision)
                 FROM outbox.inbox i
                 ORDER BY i.event_id
                 LIMIT 1), 0) AS unrouted_age,
       (SELECT count(*)
        FROM outbox.worker w
        WHERE w.stopped_at IS NULL AND w.seen_at > clock_timestamp() - make_interval(secs => :alive_seconds)) AS workers
