-- The next deadlines, so many of them, each with its contract's business unit and status as the source has them now. The
-- last row has no contract: it tells how far the look went, whoever may see what, and over how many.
WITH ahead AS MATERIALIZED (
  SELECT e.deadline, e.contract_id, nullif(e.subject, '') AS subject
  FROM outbox.expiring(CAST(:after AS timestamptz), CAST(:until AS timestamptz), CAST(:most AS integer)) AS e
), known AS (
  SELECT a.deadline, a.contract_id, a.subject, p.business_unit, p.status
  FROM ahead AS a
  LEFT JOIN LATERAL outbox.read_contract(a.contract_id) AS p ON true
)
SELECT k.deadline, k.contract_id, k.subject, k.business_unit, k.status, NULL::bigint AS looked
FROM known AS k
WHERE (CAST(:within AS text[]) IS NULL OR k.business_unit = ANY (CAST(:within AS text[])))
  AND (CAST(:business_unit AS text) IS NULL OR k.business_unit = CAST(:business_unit AS text))
UNION ALL
SELECT max(a.deadline), NULL, NULL, NULL, NULL, count(*) FROM ahead AS a
ORDER BY looked NULLS FIRST, deadline, contract_id
