-- The newest event that a connector would report, among the newest ones: a sample is not worth a scan of all.
WITH newest AS MATERIALIZED (
  SELECT * FROM outbox.event ORDER BY id DESC LIMIT 10000
)
SELECT e.id, e.occurred_at, CAST(CAST(e.xid AS text) AS bigint) AS xid, CAST(e.snapshot AS text) AS snapshot, e.trigger,
       e.contract_id, e.business_unit, e.status, CAST(e.changed AS text) AS changed, CAST(e.detail AS text) AS detail,
       CAST(e.document AS text) AS document, false AS overlaps
FROM newest AS e
WHERE e.document IS NOT NULL
  AND e.trigger = ANY (CAST(:triggers AS text[]))
  AND (CAST(:all_units AS boolean) OR e.business_unit = ANY (CAST(:business_units AS text[])))
ORDER BY e.id DESC
LIMIT 1
