-- An event's document, as long as it is; no row where there is none to see.
SELECT CAST(e.document AS text) AS document
FROM outbox.event AS e
WHERE e.id = CAST(:event AS bigint) AND e.document IS NOT NULL
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
