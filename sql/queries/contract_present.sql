-- A contract as the source has it now, with its deadline; no row where it has it no more.
SELECT p.business_unit, p.status, outbox.deadline(p.document, p.business_unit) AS deadline
FROM outbox.read_contract(CAST(:contract AS text)) AS p
WHERE CAST(:within AS text[]) IS NULL OR p.business_unit = ANY (CAST(:within AS text[]))
