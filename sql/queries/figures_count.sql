-- Keeps what the attempts that began in a stretch of time came to, from the facts.
INSERT INTO outbox.figure (minutes, since, connector_id, business_unit, routed, attempts, ok, delivered, retried, dead,
                           cancelled, delivery_bins, delivery_counts, answer_bins, answer_counts)
SELECT :minutes, c.began, c.connector_id, c.business_unit, c.routed, c.attempts, c.ok, c.delivered, c.retried, c.dead,
       c.cancelled, c.delivery_bins, c.delivery_counts, c.answer_bins, c.answer_counts
FROM outbox.count_attempts(:minutes, :since, :until) AS c
