-- The companies of these ids, by the installed mapping, with every field that a connector may name.
SELECT company.id, company.name, company.business_unit, CAST(company.fields AS text) AS fields
FROM outbox.read_company(CAST(:ids AS text[])) AS company
