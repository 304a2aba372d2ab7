-- What attempts came to that aren't counted yet, from the facts, by five minutes.
SELECT c.began, c.connector_id, c.business_unit, c.routed, c.attempts, c.ok, c.delivered, c.retried, c.dead, c.cancelled,
       c.delivery_bins, c.delivery_counts, c.answer_bins, c.answer_counts
FROM outbox.count_attempts(5, :since, 'infinity') AS c
WHERE CAST(:within AS text[]) IS NULL OR c.business_unit = ANY (CAST(:within AS text[]))
