-- How many open deliveries each connector has.
SELECT connector_id, count(*) AS waiting
FROM outbox.queue
WHERE connector_id = ANY (CAST(:connector_ids AS integer[]))
GROUP BY connector_id
