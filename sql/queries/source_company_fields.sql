-- The names of the fields that companies of these business units have, by a sample; NULL stands for all units.
SELECT field
FROM outbox.company_fields(CAST(:units AS text[]), CAST(:most AS integer)) AS field
ORDER BY field
