-- The names of connectors, removed ones too, each once; for who is limited, of those that report for their business units.
SELECT DISTINCT c.connector
FROM outbox_audit.connectors c
WHERE CAST(:within AS text[]) IS NULL OR c.business_units && (CAST(:within AS text[]) || CAST('*' AS text))
ORDER BY c.connector
LIMIT :most
