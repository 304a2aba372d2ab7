-- The ends of all deliveries, by when they were routed and by their events; each by an index.
SELECT (SELECT min(d.created_at) FROM outbox.delivery d) AS first_at,
       (SELECT max(d.created_at) FROM outbox.delivery d) AS last_at,
       (SELECT min(d.event_id) FROM outbox.delivery d) AS first_id,
       (SELECT max(d.event_id) FROM outbox.delivery d) AS last_id
