-- What there is to share of each connector, what this worker has of it, what all others have, and who has no key for it.
SELECT c.id AS connector_id, c.max_in_flight, c.rate_per_second,
       coalesce(sum(s.slots) FILTER (WHERE s.worker = :worker), 0) AS own,
       coalesce(sum(s.slots) FILTER (WHERE s.worker <> :worker), 0) AS others,
       ARRAY(SELECT w.name FROM outbox.worker AS w WHERE c.id = ANY (w.unopened)) AS unable
FROM outbox.connector AS c
LEFT JOIN outbox.share AS s ON s.connector_id = c.id
WHERE c.removed_at IS NULL
GROUP BY c.id
ORDER BY c.id
