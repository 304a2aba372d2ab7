-- The newest events that a connector of these business units and triggers would report, among the newest ones of all:
-- a sample is not worth a scan. NULL stands for all business units.
WITH newest AS MATERIALIZED (
  SELECT id, occurred_at, trigger, contract_id, business_unit, document IS NOT NULL AS told
  FROM outbox.event
  ORDER BY id DESC
  LIMIT 10000
)
SELECT id AS event_id, occurred_at, trigger, contract_id, business_unit
FROM newest
WHERE told
  AND trigger = ANY (CAST(:triggers AS text[]))
  AND (CAST(:units AS text[]) IS NULL OR business_unit = ANY (CAST(:units AS text[])))
ORDER BY id DESC
LIMIT :limit
