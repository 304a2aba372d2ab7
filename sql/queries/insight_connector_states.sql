-- How many connectors stand in each state, of those that somebody may see and that the other filters leave.
SELECT c.state, count(*) AS connectors
FROM outbox_audit.connectors AS c
WHERE (CAST(:within AS text[]) IS NULL OR c.business_units && (CAST(:within AS text[]) || CAST('*' AS text)))
  AND (CAST(:business_unit AS text) IS NULL OR c.business_units && ARRAY[CAST(:business_unit AS text), '*'])
  AND (CAST(:trigger AS text) IS NULL OR CAST(:trigger AS text) = ANY (c.triggers))
  AND (CAST(:words AS text) IS NULL OR strpos(lower(c.connector), lower(CAST(:words AS text))) > 0
       OR strpos(lower(c.url), lower(CAST(:words AS text))) > 0)
GROUP BY c.state
