-- Whose event it is.
SELECT e.contract_id
FROM outbox.event AS e
WHERE e.id = CAST(:event AS bigint)
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
