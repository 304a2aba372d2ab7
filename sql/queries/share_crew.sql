-- Who shares the connectors' limits now, and a text that differs as soon as what there is to share does.
SELECT (SELECT array_agg(w.name ORDER BY w.name)
        FROM outbox.worker AS w
        WHERE w.stopped_at IS NULL AND w.seen_at > clock_timestamp() - make_interval(secs => w.share_seconds)) AS workers,
       (SELECT coalesce(md5(string_agg(concat_ws(':', c.id, c.max_in_flight, c.rate_per_second), ',' ORDER BY c.id)), 'none')
        FROM outbox.connector AS c
        WHERE c.removed_at IS NULL)
       || (SELECT coalesce(string_agg(concat_ws(':', w.name, w.unopened), ',' ORDER BY w.name), '')
           FROM outbox.worker AS w
           WHERE w.stopped_at IS NULL AND w.unopened <> '{}') AS limits
