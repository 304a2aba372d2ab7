-- How many deadlines raised nothing yet, and the first and the last of them.
SELECT count(*) AS deadlines, min(e.deadline) AS first, max(e.deadline) AS last
FROM outbox.expiring(CAST(:after AS timestamptz), CAST(:until AS timestamptz), NULL) AS e
