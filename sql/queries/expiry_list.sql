-- Deadlines that raised nothing yet, by the mapping's query, oldest first.
SELECT e.deadline, e.contract_id, nullif(e.subject, '') AS subject
FROM outbox.expiring(CAST(:after AS timestamptz), CAST(:until AS timestamptz), CAST(:most AS integer)) AS e
